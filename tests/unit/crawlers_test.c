#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>

#include "shared/context/crawler_table.h"

struct claim_row {
    const char *user_agent;
    const char *name;   /* NULL: no claim */
    const char *ranges; /* NULL: none published */
    enum crawler_kind kind;
};

static const struct claim_row claim_rows[] = {
    {"Mozilla/5.0 (compatible; Googlebot/2.1)", "Googlebot", "Googlebot", CRAWLER_KIND_SEARCH_ENGINE},
    {"Googlebot-Image/1.0", "Googlebot-Image", "Googlebot", CRAWLER_KIND_SEARCH_ENGINE},
    {"AdsBot-Google (+http://www.google.com/adsbot.html)", "AdsBot-Google", "Google special crawlers",
     CRAWLER_KIND_ADVERTISING},
    {"AdsBot-Google", "AdsBot-Google", "Google special crawlers", CRAWLER_KIND_ADVERTISING},
    {"AdsBot-Google-", NULL, NULL, 0},
    {"Mozilla/5.0 (compatible; bingbot/2.0; +http://www.bing.com/bingbot.htm)", "bingbot", "Bingbot",
     CRAWLER_KIND_SEARCH_ENGINE},
    {"msnbot/2.0b", "msnbot", "Bingbot", CRAWLER_KIND_SEARCH_ENGINE},
    {"Mozilla/5.0 (Macintosh) Version/13.0 Safari/605.1.15 (Applebot/0.1)", "Applebot", "Applebot",
     CRAWLER_KIND_SEARCH_ENGINE},
    {"Mozilla/5.0 (compatible; GPTBot/1.2; +https://openai.com/gptbot)", "GPTBot", "GPTBot",
     CRAWLER_KIND_AI_CRAWLER},
    {"Mozilla/5.0 (compatible; AhrefsSiteAudit/6.1)", "AhrefsBot", "AhrefsBot", CRAWLER_KIND_SEO},
    {"Mozilla/5.0 (compatible; Baiduspider/2.0)", "Baiduspider", NULL, CRAWLER_KIND_SEARCH_ENGINE},
    {"Mozilla/5.0 (compatible; archive.org_bot)", "archive.org_bot", NULL, CRAWLER_KIND_ARCHIVER},
    {"facebookexternalhit/1.1", "facebookexternalhit", NULL, CRAWLER_KIND_SOCIAL_PREVIEW},
    {"python-requests/2.31.0", "python-requests", NULL, CRAWLER_KIND_HTTP_LIBRARY},
    {"curl/8.5.0", "curl", NULL, CRAWLER_KIND_HTTP_LIBRARY},
    {" curl/8.5.0", NULL, NULL, 0},
    {"Wget/1.21", "Wget", NULL, CRAWLER_KIND_HTTP_LIBRARY},
    {"Mozilla/5.0 HeadlessChrome/120.0 Safari/537.36", "HeadlessChrome", NULL,
     CRAWLER_KIND_BROWSER_AUTOMATION},
    {"bingbot Googlebot/2.1", "Googlebot", "Googlebot", CRAWLER_KIND_SEARCH_ENGINE},
    {"GOOGLEBOT/2.1", NULL, NULL, 0},
    {"Googlebo", NULL, NULL, 0},
    {"Mozilla/5.0 (Windows NT 10.0; Win64; x64) Chrome/120.0 Safari/537.36", NULL, NULL, 0},
    {"CC", NULL, NULL, 0},
    {"", NULL, NULL, 0},
};

static const char *or_none(const char *text) {
    return text == NULL ? "(none)" : text;
}

Test(crawlers, claims_in_user_agents, .timeout = 10) {
    for (unsigned i = 0; i < sizeof(claim_rows) / sizeof(claim_rows[0]); i++) {
        const struct claim_row *row = &claim_rows[i];
        const struct crawler_claim *claim = crawler_find_claim(text_of(row->user_agent));
        cr_expect_str_eq(claim == NULL ? "(none)" : claim->name, or_none(row->name), "%s", row->user_agent);
        if (claim == NULL)
            continue;
        cr_expect_str_eq(or_none(claim->ranges), or_none(row->ranges), "%s", row->user_agent);
        cr_expect_eq(claim->kind, row->kind, "%s: %d", row->user_agent, (int)claim->kind);
    }
    cr_expect_null(crawler_find_claim(TEXT_NONE));
}

/* Bytes behind the end and before the beginning are not read: each user agent lies in a block of its own. */
Test(crawlers, a_needle_cut_at_either_end_is_none, .timeout = 10) {
    for (size_t cut = 1; cut < sizeof("Feedfetcher-Google") - 1; cut++) {
        size_t len = sizeof("Feedfetcher-Google") - 1 - cut;
        char *cut_off = malloc(len);
        memcpy(cut_off, "Feedfetcher-Google", len);
        cr_expect_null(crawler_find_claim((struct text){cut_off, len}));
        memcpy(cut_off, &"Feedfetcher-Google"[cut], len);
        cr_expect_null(crawler_find_claim((struct text){cut_off, len}));
        free(cut_off);
    }
}

Test(crawlers, table_is_in_order, .timeout = 10) {
    cr_expect_gt(crawler_claim_count, 1400);
    for (unsigned i = 0; i < crawler_claim_count; i++) {
        const struct crawler_claim *claim = &crawler_claims[i];
        cr_expect_neq(claim->name[0], '\0');
        cr_expect_lt((unsigned)claim->kind, CRAWLER_KIND_COUNT);
        cr_expect(i == 0 || crawler_claims[i - 1].ranges != NULL || claim->ranges == NULL, "%s",
                  claim->pattern);
    }
}

/* All needles of the table in a row, cut to what a signal may hold: what costs the most. The time-out is the
 * assertion. */
Test(crawlers, hostile_user_agents_end_soon, .timeout = 20) {
    const struct crawler_claim *found = NULL;
    char hostile[1024];
    size_t len = strlen(crawler_needles);
    for (size_t at = 0; at + sizeof(hostile) <= len; at += 16) {
        memcpy(hostile, crawler_needles + at, sizeof(hostile));
        for (unsigned i = 0; i < 20; i++)
            found = crawler_find_claim((struct text){hostile, sizeof(hostile)});
        cr_expect_not_null(found);
    }
}
