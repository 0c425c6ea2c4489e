#include "shared/model/fault.h"

#include <stdarg.h>
#include <stdio.h>

enum { DETAIL_MAX = 240, NAME_SHOWN_MAX = 64 };

void faults_init(struct faults *faults, struct arena *arena) {
    faults->arena = arena;
    faults->count = 0;
    faults->dropped = 0;
}

static struct text pointer_to(struct arena *arena, const struct text *name) {
    char pointer[2 * NAME_SHOWN_MAX + 1];
    size_t len = 0;
    if (name == NULL)
        return TEXT_LITERAL("");
    pointer[len++] = '/';
    size_t shown = name->len < NAME_SHOWN_MAX ? name->len : NAME_SHOWN_MAX;
    while (shown > 0 && shown < name->len && ((unsigned char)name->at[shown] & 0xc0) == 0x80)
        shown--;
    for (size_t i = 0; i < shown; i++) {
        char c = name->at[i];
        if (c == '~' || c == '/') {
            pointer[len++] = '~';
            c = c == '~' ? '0' : '1';
        }
        pointer[len++] = c;
    }
    return arena_copy(arena, (struct text){pointer, len});
}

void faults_add(struct faults *faults, const struct text *name, const char *format, ...) {
    if (faults->count == FAULTS_MAX) {
        faults->dropped++;
        return;
    }
    char detail[DETAIL_MAX];
    va_list list;
    va_start(list, format);
    vsnprintf(detail, sizeof(detail), format, list);
    va_end(list);
    faults->rows[faults->count++] = (struct fault){
        .pointer = pointer_to(faults->arena, name),
        .detail = arena_copy(faults->arena, text_of(detail)),
    };
}
