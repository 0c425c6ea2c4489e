#include "shared/redis/stream_id.h"

bool stream_id_parse(struct text text, struct stream_id *id) {
    const char *dash = text.len == 0 ? NULL : memchr(text.at, '-', text.len);
    unsigned long long ms, sequence;
    if (dash == NULL)
        return false;
    size_t head = (size_t)(dash - text.at);
    if (!text_to_unsigned((struct text){text.at, head}, UINT64_MAX, &ms) ||
        !text_to_unsigned((struct text){dash + 1, text.len - head - 1}, UINT64_MAX, &sequence))
        return false;
    *id = (struct stream_id){ms, sequence};
    return true;
}
