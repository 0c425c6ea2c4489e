#include "api/catalog/find_expired.h"

#include <stdlib.h>

#include "api/catalog/catalog_rows.h"

static const int64_t DAY_MS = INT64_C(24) * 60 * 60 * 1000;

void retention_forget(struct retention *retention) {
    free(retention->own);
    retention->own = NULL;
    retention->own_room = retention->own_count = 0;
}

void retention_fini(struct retention *retention) {
    retention_forget(retention);
}

static void make_room(struct retention *retention, uint32_t handle) {
    uint32_t room = retention->own_room == 0 ? 64 : retention->own_room;
    while (room <= handle)
        room *= 2;
    if (room == retention->own_room)
        return;
    retention->own = realloc(retention->own, room * sizeof(*retention->own));
    if (retention->own == NULL)
        abort();
    memset(retention->own + retention->own_room, 0, (room - retention->own_room) * sizeof(*retention->own));
    retention->own_room = room;
}

void retention_set(struct retention *retention, const struct catalog *catalog, uint32_t handle,
                   int64_t days) {
    if (handle >= catalog->names.top || catalog->names.at[handle] == NULL)
        return;
    if (days == 0 && handle >= retention->own_room)
        return;
    make_room(retention, handle);
    struct own_retention *own = &retention->own[handle];
    retention->own_count += (days > 0) - (own->ms > 0);
    *own = (struct own_retention){catalog->names.at[handle]->hash, days * DAY_MS};
    if (retention->longest_ms != 0 && own->ms > retention->longest_ms)
        retention->longest_ms = own->ms;
}

bool catalog_next_customer(const struct catalog *catalog, uint32_t *handle, struct text *id) {
    const struct names *names = &catalog->names;
    while (*handle < names->top && names->at[*handle] == NULL)
        ++*handle;
    if (*handle >= names->top)
        return false;
    *id = names_id(names, *handle);
    return true;
}

static int64_t retention_of(const struct catalog *catalog, const struct retention *retention,
                            uint32_t customer) {
    if (customer >= retention->own_room || retention->own[customer].ms == 0 ||
        retention->own[customer].hash != catalog->names.at[customer]->hash)
        return retention->ms;
    return retention->own[customer].ms;
}

static bool is_old(const struct row_face *face, int64_t now_ms, int64_t retention_ms) {
    return retention_ms != 0 && face->created_at_ms < now_ms - retention_ms;
}

/* Does a row go? One that goes by number counts the surplus down. */
static bool goes(const struct catalog *catalog, const struct retention *retention, struct expiry_walk *walk,
                 const struct row_face *face, struct expired_row *row) {
    enum threat_status status = mark_status(face->marks);
    if (status != THREAT_COMPLETED && status != THREAT_FAILED)
        return false;
    row->is_surplus = walk->surplus > 0;
    row->created_at_ms = face->created_at_ms;
    row->customer_id = names_id(&catalog->names, face->customer);
    if (walk->surplus > 0) {
        walk->surplus--;
        return true;
    }
    return walk->by_age && is_old(face, walk->now_ms, retention_of(catalog, retention, face->customer));
}

static bool step_on(const struct row_order *order, struct order_place *place) {
    while (place->entry < order->count && place->at >= order->entries[place->entry].block->count)
        *place = (struct order_place){place->entry + 1, 0};
    return place->entry < order->count;
}

unsigned catalog_find_expired(const struct catalog *catalog, const struct retention *retention,
                              struct expiry_walk *walk, unsigned rows_max, struct expired_row *found,
                              unsigned found_max) {
    struct order_place place;
    unsigned count = 0;
    if (order_find(catalog, row_id_of(&walk->from), &place))
        place.at++;
    for (unsigned looked = 0; looked < rows_max && count < found_max; looked++, place.at++) {
        if (!step_on(&catalog->order, &place)) {
            walk->ended = true;
            break;
        }
        uint32_t slot = order_slot(&catalog->order, place);
        const struct row_face *face = catalog_face(catalog, slot);
        if (walk->surplus == 0 && !(walk->by_age && walk->to_the_end) &&
            !(walk->by_age && is_old(face, walk->now_ms, retention->ms))) {
            walk->ended = true;
            break;
        }
        walk->from = row_id_uuid(catalog_rest(catalog, slot)->id);
        found[count].id = walk->from;
        if (goes(catalog, retention, walk, face, &found[count]))
            count++;
    }
    return count;
}
