#include "api/threats/list_query.h"

#include "api/http/url_query.h"

/* RFC 3339 offsets hold a '+', which a query decodes to a blank. */
static struct text mend_offset(struct arena *arena, struct text value) {
    if (value.len < 6 || value.at[value.len - 6] != ' ')
        return value;
    char *copy = (char *)arena_copy(arena, value).at;
    copy[value.len - 6] = '+';
    return (struct text){copy, value.len};
}

void list_query_read(struct text encoded, struct arena *arena, struct query *query, struct faults *faults) {
    struct text name, value;
    query_init(query);
    while (url_query_next(&encoded, arena, &name, &value)) {
        if (value.at == NULL) {
            faults_add(faults, &name, "is not valid UTF-8");
            continue;
        }
        if (text_is(name, "since") || text_is(name, "until"))
            value = mend_offset(arena, value);
        query_set(query, name, value, faults);
    }
}

void list_query_write_next(struct text encoded, struct arena *arena, const struct uuid *last,
                           struct buffer *link) {
    struct text name, value;
    char id[UUID_LENGTH];
    buffer_append_string(link, "</api/threats?");
    while (url_query_next(&encoded, arena, &name, &value)) {
        if (text_is(name, "cursor"))
            continue;
        url_query_encode(link, name);
        buffer_append_char(link, '=');
        url_query_encode(link, value);
        buffer_append_char(link, '&');
    }
    uuid_write(last, id);
    buffer_append_string(link, "cursor=");
    buffer_append(link, id, UUID_LENGTH);
    buffer_append_string(link, ">; rel=\"next\"");
}
