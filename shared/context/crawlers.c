#include "shared/context/crawlers.h"

const struct crawler crawler_table[] = {
    {"adsbot-google", "Google special crawlers", true},
    {"ahrefsbot", "AhrefsBot", true},
    {"amazonbot", "Amazonbot", true},
    {"apis-google", "Google special crawlers", true},
    {"applebot", "Applebot", true},
    {"archive.org_bot", "archive.org_bot", false},
    {"baiduspider", "Baiduspider", false},
    {"bingbot", "Bingbot", true},
    {"bytespider", "Bytespider", false},
    {"ccbot", "CCBot", true},
    {"chatgpt-user", "ChatGPT-User", true},
    {"claude-searchbot", "Claude-SearchBot", false},
    {"claude-user", "Claude-User", false},
    {"claudebot", "ClaudeBot", false},
    {"duckassistbot", "DuckAssistBot", true},
    {"duckduckbot", "DuckDuckBot", true},
    {"facebookexternalhit", "facebookexternalhit", false},
    {"feedfetcher-google", "Google user-triggered fetchers", true},
    {"google-read-aloud", "Google user-triggered fetchers", true},
    {"google-safety", "Google special crawlers", true},
    {"google-site-verification", "Google user-triggered fetchers", true},
    {"googlebot", "Googlebot", true},
    {"gptbot", "GPTBot", true},
    {"linkedinbot", "LinkedInBot", false},
    {"mediapartners-google", "Google special crawlers", true},
    {"meta-externalagent", "meta-externalagent", false},
    {"mj12bot", "MJ12bot", false},
    {"msnbot", "Bingbot", true},
    {"oai-searchbot", "OAI-SearchBot", true},
    {"perplexity-user", "Perplexity-User", true},
    {"perplexitybot", "PerplexityBot", true},
    {"petalbot", "PetalBot", false},
    {"pinterestbot", "Pinterestbot", false},
    {"qwantbot", "Qwantbot", true},
    {"qwantify", "Qwantbot", true},
    {"semrushbot", "SemrushBot", false},
    {"seznambot", "SeznamBot", false},
    {"slurp", "Yahoo! Slurp", false},
    {"sogou web spider", "Sogou", false},
    {"twitterbot", "Twitterbot", false},
    {"yandexbot", "YandexBot", false},
    {"yandeximages", "YandexBot", false},
    {"yandexmobilebot", "YandexBot", false},
    {"yeti", "Yeti", false},
};

const unsigned crawler_count = sizeof(crawler_table) / sizeof(crawler_table[0]);

static bool is_word(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

static char lowered(char c) {
    return c >= 'A' && c <= 'Z' ? (char)(c | 0x20) : c;
}

static bool begins_with_word(struct text hay, const char *token) {
    size_t i = 0;
    while (i < hay.len && token[i] != '\0' && lowered(hay.at[i]) == token[i])
        i++;
    return token[i] == '\0' && (i == hay.len || !is_word(hay.at[i]));
}

/* The first row whose token begins with this letter or a later one. */
static unsigned first_row(char letter) {
    unsigned low = 0, high = crawler_count;
    while (low < high) {
        unsigned middle = (low + high) / 2;
        if (crawler_table[middle].token[0] < letter)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

const struct crawler *crawler_find_claim(struct text user_agent) {
    for (size_t i = 0; i < user_agent.len; i++) {
        if (!is_word(user_agent.at[i]) || (i > 0 && is_word(user_agent.at[i - 1])))
            continue;
        struct text rest = {user_agent.at + i, user_agent.len - i};
        char first = lowered(rest.at[0]);
        for (unsigned row = first_row(first); row < crawler_count && crawler_table[row].token[0] == first;
             row++)
            if (begins_with_word(rest, crawler_table[row].token))
                return &crawler_table[row];
    }
    return NULL;
}
