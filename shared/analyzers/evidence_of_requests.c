#include <math.h>

#include "shared/agents/infra_strength.h"
#include "shared/agents/phrase.h"
#include "shared/analyzers/evidence.h"

enum {
    ASSETS_MIN = 3,
    PLAIN_PATHS_MIN = 3,
    FEW_TRIES_MAX = 5,
    SEVERAL_TRIES_MIN = 10,
    MANY_TRIES_MIN = 100,
    GUESSED_NAMES_MIN = 3,
    MANY_NAMES_MIN = 10,
    TELLING_ERRORS_MIN = 5 /* fewer are chance */
};

static bool asks_for_nothing_odd(const struct raw_data *raw) {
    return raw->paths[PATH_INJECTION] + raw->paths[PATH_EXPLOIT] + raw->paths[PATH_WORDLIST] +
               raw->paths[PATH_MALFORMED] + raw->paths[PATH_LOGIN] + raw->paths[PATH_OTP] +
               raw->paths[PATH_MONEY] ==
           0;
}

static double error_share(const struct evidence *in) {
    int64_t requests = in->signal->request_count, errors = in->raw.errors;
    return errors < TELLING_ERRORS_MIN || requests == 0 ? 0 : (double)errors / (double)requests;
}

static void judge_volume(struct evidence *in) {
    static const struct {
        double below;
        int milli;
        const char *label;
    } steps[] = {{0.1, 60, "volume far under the limit"}, {0.5, 40, "volume well under the limit"},
                 {1, 20, "volume under the limit"},       {2, 0, NULL},
                 {10, -50, "volume over the limit"},      {50, -100, "volume far over the limit"},
                 {INFINITY, -150, "volume of a flood"}};
    double ratio = in->volume.ratio;
    unsigned step = 0;
    if (in->volume.limit == 0 || !evidence_agent_spoke(in, AGENT_CONFIG)) {
        evidence_add_plain(in, FP_REQUEST_PATTERN, 0, "limit unknown");
        return;
    }
    while (ratio >= steps[step].below)
        step++;
    /* Few requests are no excuse for trying to get in, nor for probing. */
    bool excuses =
        volume_matters(in->signal->threat_type) && asks_for_nothing_odd(&in->raw) && error_share(in) < 0.5;
    if (steps[step].milli < 0 || (steps[step].milli > 0 && excuses))
        evidence_add_plain(in, FP_REQUEST_PATTERN, steps[step].milli, steps[step].label);
}

/* Somebody who mistyped a password comes in at last; somebody who guessed does so after many tries. */
static void judge_success(struct evidence *in) {
    const struct raw_data *raw = &in->raw;
    bool mistyped = raw->distinct_usernames == 1 && in->signal->request_count <= FEW_TRIES_MAX;
    if (raw->successes > 0)
        evidence_add_plain(in, FP_REQUEST_PATTERN, mistyped ? 80 : -100,
                           mistyped ? "one name, few tries, then in" : "successful login");
}

static void judge_logins(struct evidence *in) {
    const struct raw_data *raw = &in->raw;
    bool ssh = raw->service == RAW_SERVICE_SSH && raw->successes <= 0;
    int milli = (ssh ? -100 : 0) - (raw->default_usernames > 0 ? 50 : 0) -
                (raw->distinct_usernames >= MANY_NAMES_MIN      ? 60
                 : raw->distinct_usernames >= GUESSED_NAMES_MIN ? 30
                                                                : 0);
    judge_success(in);
    if (raw->distinct_usernames > 0 && milli != 0)
        fp_tally_add(&in->tally, FP_REQUEST_PATTERN, milli, "guessed logins",
                     arena_printf(in->arena, "%lld user names tried%s%s", (long long)raw->distinct_usernames,
                                  raw->service == RAW_SERVICE_SSH ? " over ssh" : "",
                                  raw->default_usernames > 0 ? ", default accounts" : ""));
}

/* A login form that is asked over and over; what answers it may be "200 OK" each time. */
static void judge_tries(struct evidence *in) {
    const struct raw_data *raw = &in->raw;
    bool login_alone = raw->paths[PATH_LOGIN] > 0 && raw->paths[PATH_LOGIN] == raw->listed_paths;
    int64_t tries = in->signal->request_count;
    if (!login_alone || raw->successes > 0)
        return;
    if (tries >= SEVERAL_TRIES_MIN)
        fp_tally_add(&in->tally, FP_REQUEST_PATTERN, tries >= MANY_TRIES_MIN ? -120 : -80, "login tries",
                     arena_printf(in->arena, "%lld requests to a login alone", (long long)tries));
    else if (tries <= FEW_TRIES_MAX && raw->distinct_usernames <= 1 && raw->default_usernames == 0)
        evidence_add_plain(in, FP_REQUEST_PATTERN, 60, "few tries to log in");
}

static void judge_hostile_paths(struct evidence *in) {
    const unsigned *paths = in->raw.paths;
    if (paths[PATH_INJECTION] > 0)
        evidence_add_plain(in, FP_REQUEST_PATTERN, -150, "injection payload");
    if (paths[PATH_EXPLOIT] > 0)
        evidence_add_plain(in, FP_REQUEST_PATTERN, -120, "exploit probing");
    if (paths[PATH_MALFORMED] > 0)
        evidence_add_plain(in, FP_REQUEST_PATTERN, -100, "requests that name no path");
    if (paths[PATH_WORDLIST] > 0)
        evidence_add_plain(in, FP_REQUEST_PATTERN, paths[PATH_WORDLIST] > 1 ? -120 : -80, "wordlist paths");
}

/* What readers and polite robots ask for; whoever asks for anything odd beside it is neither. */
static void judge_ordinary_paths(struct evidence *in) {
    const unsigned *paths = in->raw.paths;
    if (error_share(in) >= 0.25 || !asks_for_nothing_odd(&in->raw))
        return;
    if (paths[PATH_ASSET] >= ASSETS_MIN && 2 * paths[PATH_ASSET] >= in->raw.listed_paths)
        evidence_add_plain(in, FP_REQUEST_PATTERN, 80, "loads page assets");
    if (in->raw.listed_paths >= PLAIN_PATHS_MIN)
        evidence_add_plain(in, FP_REQUEST_PATTERN, 40, "asks for ordinary pages alone");
    if (paths[PATH_FEED] > 0 || paths[PATH_ROBOTS] > 0)
        evidence_add_plain(in, FP_REQUEST_PATTERN, 30, "reads feeds or robots.txt");
}

static void judge_errors(struct evidence *in) {
    double share = error_share(in);
    int milli = share >= 0.8 ? -120 : share >= 0.5 ? -60 : -30;
    if (share >= 0.25)
        fp_tally_add(&in->tally, FP_REQUEST_PATTERN, milli, "errors",
                     arena_printf(in->arena, "%.0f %% errors", 100 * share));
}

static void judge_infra(struct evidence *in) {
    const struct infra_fact *event = infra_strongest(in->facts, in->signal->threat_type);
    if (!evidence_agent_spoke(in, AGENT_DEVOPS)) {
        evidence_add_plain(in, FP_REQUEST_PATTERN, 0, "infra events are missing");
        return;
    }
    if (event == NULL)
        return;
    const char *kind = vocabulary_word(&vocabulary_infra_kind, (int)event->kind);
    bool well = infra_strength_of(event->kind, in->signal->threat_type) == INFRA_EXPLAINS_WELL;
    fp_tally_add(&in->tally, FP_REQUEST_PATTERN, well ? 150 : 50, kind,
                 arena_printf(in->arena, "%s %.*s", kind, PHRASE(event->id)));
}

void evidence_of_requests(struct evidence *in) {
    judge_volume(in);
    judge_logins(in);
    judge_tries(in);
    judge_hostile_paths(in);
    judge_ordinary_paths(in);
    judge_errors(in);
    judge_infra(in);
}
