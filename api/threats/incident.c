#include "api/threats/incident.h"

#include "shared/base/rfc3339.h"
#include "shared/model/json_scan.h"

/* What is certain needs no score of ours. */
static unsigned fp_milli_of(enum verdict verdict) {
    return verdict == VERDICT_FALSE_POSITIVE ? 1000 : 0;
}

static struct incident *into(struct json_scan *scan) {
    return scan->into;
}

static void read_id(struct json_scan *scan, const struct text *name) {
    struct text id;
    if (scan_string(scan, name, &id) && !history_case_set_id(&into(scan)->resolved, id))
        faults_add(scan->faults, name, "must be 1 to %d characters of A-Z a-z 0-9 . _ : -",
                   HISTORY_CASE_ID_MAX);
}

static void read_customer_id(struct json_scan *scan, const struct text *name) {
    struct text id;
    if (!scan_string(scan, name, &id))
        return;
    if (signal_customer_id_fits(id))
        into(scan)->customer_id = id;
    else
        faults_add(scan->faults, name, "must be 1 to %d characters of A-Z a-z 0-9 . _ -",
                   SIGNAL_CUSTOMER_ID_MAX);
}

static void read_threat_type(struct json_scan *scan, const struct text *name) {
    int type;
    if (scan_word(scan, name, &vocabulary_threat_type, &type))
        into(scan)->resolved.threat_type = (enum threat_type)type;
}

static void read_source_ip(struct json_scan *scan, const struct text *name) {
    struct text ip;
    if (scan_string(scan, name, &ip) && !address_parse(ip, &into(scan)->source_ip))
        faults_add(scan->faults, name, "must be an IPv4 or IPv6 address");
}

static void read_user_agent(struct json_scan *scan, const struct text *name) {
    struct text agent;
    if (scan_null(scan) || !scan_string(scan, name, &agent))
        return;
    if (agent.len > SIGNAL_USER_AGENT_MAX)
        faults_add(scan->faults, name, "must be at most %d bytes", SIGNAL_USER_AGENT_MAX);
    else
        into(scan)->user_agent = agent;
}

static void read_severity(struct json_scan *scan, const struct text *name) {
    int severity;
    if (!scan_null(scan) && scan_word(scan, name, &vocabulary_severity, &severity))
        into(scan)->resolved.severity = (enum severity)severity;
}

static void read_verdict(struct json_scan *scan, const struct text *name) {
    int verdict;
    if (scan_word_from(scan, name, &vocabulary_verdict, VERDICT_FALSE_POSITIVE, &verdict))
        into(scan)->resolved.verdict = (enum verdict)verdict;
}

static void read_occurred_at(struct json_scan *scan, const struct text *name) {
    struct text time;
    int64_t ms;
    if (!scan_string(scan, name, &time))
        return;
    if (!rfc3339_parse(time, &ms))
        faults_add(scan->faults, name, "must be an RFC 3339 time");
    else if (ms > scan->now_ms || ms < 0)
        faults_add(scan->faults, name, "must not lie %s", ms < 0 ? "before 1970" : "in the future");
    else
        into(scan)->resolved.created_at_ms = ms;
}

static void read_note(struct json_scan *scan, const struct text *name) {
    if (!scan_null(scan))
        scan_characters(scan, name, 1, INCIDENT_NOTE_MAX, &into(scan)->note);
}

static const struct scan_member fields[] = {
    {"id", true, read_id},
    {"customer_id", true, read_customer_id},
    {"threat_type", true, read_threat_type},
    {"source_ip", true, read_source_ip},
    {"user_agent", false, read_user_agent},
    {"severity", false, read_severity},
    {"verdict", true, read_verdict},
    {"occurred_at", true, read_occurred_at},
    {"note", false, read_note},
    {NULL, false, NULL},
};

enum status incident_read(struct text json, int64_t now_ms, struct incident *incident,
                          struct faults *faults) {
    struct json_scan scan;
    *incident = (struct incident){.resolved = {.severity = SEVERITY_NONE}};
    scan_init(&scan, json, faults->arena, faults, incident);
    scan.now_ms = now_ms;
    scan_object(&scan, fields, "an incident");
    if (!scan_finish(&scan))
        return STATUS_INVALID;
    incident->resolved.fp_milli = fp_milli_of(incident->resolved.verdict);
    return STATUS_OK;
}

/* api/threats/judge_case.lua knows that the head ends before `,"verdict":"` */
void incident_write(const struct incident *incident, struct buffer *head, struct buffer *rest) {
    const struct history_case *resolved = &incident->resolved;
    char ip[ADDRESS_TEXT_MAX];
    struct writer writer;
    writer_init(&writer, head);
    writer_open_object(&writer);
    writer_member_text(&writer, "customer_id", incident->customer_id);
    writer_member_string(&writer, "threat_type",
                         vocabulary_word(&vocabulary_threat_type, (int)resolved->threat_type));
    writer_member_text(&writer, "source_ip", (struct text){ip, address_write(&incident->source_ip, ip)});
    if (incident->user_agent.at != NULL)
        writer_member_text(&writer, "user_agent", incident->user_agent);
    writer_member_time(&writer, "occurred_at", resolved->created_at_ms);
    writer.out = rest;
    writer_member_string(&writer, "verdict", vocabulary_word(&vocabulary_verdict, (int)resolved->verdict));
    if (resolved->severity != SEVERITY_NONE)
        writer_member_string(&writer, "severity",
                             vocabulary_word(&vocabulary_severity, (int)resolved->severity));
    if (incident->note.at != NULL)
        writer_member_text(&writer, "note", incident->note);
    writer_close_object(&writer);
}

/* The members of a record by name, as spans; those that the head does not have stay absent. */
enum { HEAD_MEMBERS = 5 };
static const char *const head_members[HEAD_MEMBERS] = {"customer_id", "threat_type", "source_ip",
                                                       "user_agent", "occurred_at"};

static void find_members(struct text json, struct arena *arena, struct text *spans) {
    struct reader reader;
    struct text name, span;
    reader_init(&reader, json);
    if (!reader_enter_object(&reader))
        return;
    while (reader_next_member(&reader, arena, &name) && reader_skip(&reader, READER_DEPTH_MAX, &span))
        for (int i = 0; i < HEAD_MEMBERS; i++)
            if (text_is(name, head_members[i]))
                spans[i] = span;
}

void incident_tell_difference(const struct incident *incident, struct text stored, struct faults *faults) {
    struct text known[HEAD_MEMBERS] = {TEXT_NONE}, told[HEAD_MEMBERS] = {TEXT_NONE};
    struct buffer record = BUFFER_EMPTY, rest = BUFFER_EMPTY;
    incident_write(incident, &record, &rest);
    buffer_append_text(&record, buffer_text(&rest));
    find_members(stored, faults->arena, known);
    find_members(buffer_text(&record), faults->arena, told);
    for (int i = 0; i < HEAD_MEMBERS; i++) {
        struct text name = text_of(head_members[i]);
        if (!text_equal(known[i], told[i]))
            faults_add(faults, &name, "an incident with this id is known with another %s", head_members[i]);
    }
    if (faults->count == 0)
        faults_add(faults, NULL, "an incident with this id is known in another form");
    buffer_fini(&record);
    buffer_fini(&rest);
}
