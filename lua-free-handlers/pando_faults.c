/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Faults: what is wrong with a document, each with where it is.
 *
 * The place is a chain of frames on the caller's stack; a pointer is built
 * from it only when something is wrong.  However much a document gets wrong,
 * the list stays at PANDO_FAULTS entries and a foreign name is shown only up
 * to PANDO_NAME_SHOWN bytes, so that an answer never grows with the request.
 */

#include <stdio.h>

#include "pando_shape.h"


#define POINTER_MAX  1024
#define TEXT_MAX     256


static size_t print_place(const pando_place_t *place, char *to, size_t room);
static size_t print_name(const pando_place_t *place, char *to, size_t room);
static pando_fault_t *next_fault(pando_faults_t *f);


void *
pando_mem_alloc(pando_mem_t *mem, size_t size)
{
    return mem->alloc(mem->ctx, size);
}


char *
pando_mem_copy(pando_mem_t *mem, const char *s, size_t len)
{
    char  *copy = pando_mem_alloc(mem, len + 1);

    if (copy != NULL) {
        memcpy(copy, s, len);
        copy[len] = '\0';
    }

    return copy;
}


void
pando_faults_init(pando_faults_t *f, pando_mem_t *mem)
{
    memset(f, 0, sizeof(*f));
    f->mem = mem;
}


void
pando_enter(pando_faults_t *f, pando_place_t *place, const char *name)
{
    *place = (pando_place_t) { .up = f->path, .name = name,
                               .len = strlen(name), .lead = '/' };
    f->path = place;
}


void
pando_enter_item(pando_faults_t *f, pando_place_t *place, size_t i)
{
    *place = (pando_place_t) { .up = f->path, .index = i, .lead = '/' };
    f->path = place;
}


void
pando_leave_place(pando_faults_t *f)
{
    f->path = f->path->up;
}


void
pando_fault(pando_faults_t *f, const char *code, const char *fmt, ...)
{
    char            pointer[POINTER_MAX], text[TEXT_MAX];
    size_t          len;
    va_list         args;
    pando_fault_t  *fault = next_fault(f);

    if (fault == NULL) {
        return;
    }

    va_start(args, fmt);
    (void) vsnprintf(text, sizeof(text), fmt, args);
    va_end(args);

    len = print_place(f->path, pointer, sizeof(pointer));

    fault->code = code;
    fault->pointer = pando_mem_copy(f->mem, pointer, len);
    fault->text = pando_mem_copy(f->mem, text, strlen(text));

    if (fault->pointer == NULL || fault->text == NULL) {
        f->no_memory = true;
        f->n--;
    }
}


/* The pointer is below the object whose .check is running. */

void
pando_object_to(pando_faults_t *f, const char *pointer, const char *code,
    const char *text)
{
    char            whole[POINTER_MAX];
    size_t          len, more = strlen(pointer);
    pando_fault_t  *fault = next_fault(f);

    if (fault == NULL) {
        return;
    }

    len = print_place(f->path, whole, sizeof(whole));

    if (more > sizeof(whole) - len) {
        more = sizeof(whole) - len;
    }

    memcpy(whole + len, pointer, more);

    fault->code = code;
    fault->pointer = pando_mem_copy(f->mem, whole, len + more);
    fault->text = pando_mem_copy(f->mem, text, strlen(text));

    if (fault->pointer == NULL || fault->text == NULL) {
        f->no_memory = true;
        f->n--;
    }
}


void
pando_faults_write(const pando_faults_t *f, pando_out_t *out)
{
    size_t  i;

    pando_out_raw(out, "\"errors\":[");

    for (i = 0; i < f->n; i++) {
        pando_out_raw(out, i ? ",{\"pointer\":" : "{\"pointer\":");
        pando_out_text(out, f->list[i].pointer);
        pando_out_raw(out, ",\"code\":");
        pando_out_text(out, f->list[i].code);
        pando_out_raw(out, ",\"message\":");
        pando_out_text(out, f->list[i].text);
        pando_out_char(out, '}');
    }

    pando_out_char(out, ']');
}


int
pando_faults_status(const pando_faults_t *f)
{
    if (f->no_memory) {
        return 500;
    }

    return f->total > 0 ? 422 : 0;
}


static pando_fault_t *
next_fault(pando_faults_t *f)
{
    f->total++;

    if (f->n == PANDO_FAULTS || f->no_memory) {
        return NULL;
    }

    if (f->list == NULL) {
        f->list = pando_mem_alloc(f->mem,
                                  PANDO_FAULTS * sizeof(pando_fault_t));
        if (f->list == NULL) {
            f->no_memory = true;
            return NULL;
        }
    }

    return &f->list[f->n++];
}


/*
 * The chain leads upwards: it is reversed first.  Where there is no more
 * room the pointer ends, and leads to something around the place.
 */

static size_t
print_place(const pando_place_t *place, char *to, size_t room)
{
    size_t                len = 0, more = 1;
    unsigned              n = 0;
    const pando_place_t  *chain[PANDO_DEPTH + 2];

    for ( ; place != NULL && n < PANDO_DEPTH + 2; place = place->up) {
        chain[n++] = place;
    }

    while (n-- > 0 && more > 0) {
        more = print_name(chain[n], to + len, room - len);
        len += more;
    }

    return len;
}


static size_t
print_name(const pando_place_t *place, char *to, size_t room)
{
    int     n;
    char    number[24];
    size_t  i, size, len = 0;

    if (place->name == NULL) {
        n = snprintf(number, sizeof(number), "/%zu", place->index);

        if (n < 0 || (size_t) n > room) {
            return 0;
        }

        memcpy(to, number, (size_t) n);
        return (size_t) n;
    }

    if (room < 3 * PANDO_NAME_SHOWN) {
        return 0;
    }

    to[len++] = place->lead;

    for (i = 0; i < place->len; i += size) {
        size = pando_utf8_size(place->name + i, place->name + place->len);

        if (size == 0) {
            break;
        }

        if (i + size > PANDO_NAME_SHOWN) {
            memcpy(to + len, "...", 3);
            return len + 3;
        }

        if (place->lead == '/'
            && (place->name[i] == '~' || place->name[i] == '/'))
        {
            to[len++] = '~';
            to[len++] = place->name[i] == '~' ? '0' : '1';
            continue;
        }

        memcpy(to + len, place->name + i, size);
        len += size;
    }

    return len;
}
