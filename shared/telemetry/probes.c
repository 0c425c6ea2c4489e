#include "shared/telemetry/probes.h"

#include "shared/json/writer.h"

void probe_write_health(struct buffer *out, int64_t uptime_ms) {
    struct writer writer;
    writer_init(&writer, out);
    writer_open_object(&writer);
    writer_member_string(&writer, "status", "healthy");
    writer_member_string(&writer, "version", SOC_VERSION);
    writer_member_decimal(&writer, "uptime_seconds", (double)uptime_ms / 1000, 3);
    writer_close_object(&writer);
}

bool probe_write_ready(struct buffer *out, const struct probe_component *components, unsigned count,
                       bool stopping) {
    bool ready = !stopping;
    struct writer writer;
    for (unsigned i = 0; i < count; i++)
        ready = ready && components[i].good;
    writer_init(&writer, out);
    writer_open_object(&writer);
    writer_member_string(&writer, "status", ready ? "ready" : "not_ready");
    writer_key(&writer, "components");
    writer_open_object(&writer);
    for (unsigned i = 0; i < count; i++)
        writer_member_string(&writer, components[i].name,
                             components[i].good ? components[i].word_good : components[i].word_bad);
    writer_close_object(&writer);
    writer_close_object(&writer);
    return ready;
}
