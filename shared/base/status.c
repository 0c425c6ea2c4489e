#include "shared/base/status.h"

#include <stddef.h>
#include <stdlib.h>

static const struct status_row rows[STATUS_COUNT] = {
    [STATUS_OK] = {"ok", 200, "OK", ENTRY_ACKNOWLEDGE},
    [STATUS_MALFORMED] = {"malformed", 400, "The request cannot be read", ENTRY_BURY},
    [STATUS_INVALID] = {"invalid", 422, "The content breaks the rules of its schema", ENTRY_BURY},
    [STATUS_TOO_LARGE] = {"too-large", 413, "The content is over the size limit", ENTRY_BURY},
    [STATUS_UNSUPPORTED_TYPE] = {"unsupported-type", 415, "The content type is not supported", ENTRY_BURY},
    [STATUS_NOT_FOUND] = {"not-found", 404, "Nothing is stored under this name", ENTRY_BURY},
    [STATUS_CONFLICT] = {"conflict", 409, "The state of the thing does not allow this", ENTRY_BURY},
    [STATUS_METHOD_NOT_ALLOWED] = {"method-not-allowed", 405, "The resource does not have this method",
                                   ENTRY_BURY},
    [STATUS_FORBIDDEN] = {"forbidden", 403, "The origin is not allowed", ENTRY_BURY},
    [STATUS_UPGRADE_REQUIRED] = {"upgrade-required", 426, "This resource speaks WebSocket version 13",
                                 ENTRY_BURY},
    [STATUS_TIMEOUT] = {"timeout", 503, "The store did not answer in time", ENTRY_RETRY},
    [STATUS_UNAVAILABLE] = {"unavailable", 503, "The store is not reachable", ENTRY_RETRY},
    [STATUS_OVERLOADED] = {"overloaded", 503, "The backlog is over its limit", ENTRY_RETRY},
    [STATUS_NO_MEMORY] = {"no-memory", 503, "The store is out of memory", ENTRY_RETRY},
    [STATUS_UNCONFIRMED] = {"unconfirmed", 503, "Too few replicas of the store confirmed it", ENTRY_RETRY},
    [STATUS_NO_SCRIPT] = {"no-script", 503, "The store lost its scripts", ENTRY_RETRY},
    [STATUS_NO_GROUP] = {"no-group", 503, "The consumer group is missing", ENTRY_RETRY},
    [STATUS_WRONG_TYPE] = {"wrong-type", 500, "A key in the store holds another type", ENTRY_RETRY},
    [STATUS_FENCED] = {"fenced", 409, "Another consumer owns the entry", ENTRY_ACKNOWLEDGE},
    [STATUS_GONE] = {"gone", 410, "The entry is finished", ENTRY_ACKNOWLEDGE},
    [STATUS_POISON] = {"poison", 500, "The entry failed too often", ENTRY_BURY},
    [STATUS_INTERNAL] = {"internal", 500, "The server failed", ENTRY_RETRY},
};

const struct status_row *status_row(enum status status) {
    if ((unsigned)status >= STATUS_COUNT || rows[status].name == NULL)
        abort();
    return &rows[status];
}

const char *status_name(enum status status) {
    return status_row(status)->name;
}
