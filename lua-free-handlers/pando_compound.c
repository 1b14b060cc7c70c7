/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Values that are more than a scalar and less than a shape: money, words in
 * several languages, free trees; and whether a list's items all differ.
 *
 * Items are compared by what they mean where the kind says so (two spellings
 * of one UUID or one instant are the same item), else as JSON.  They are
 * hashed with a seed that clients do not know, so that a list of n items
 * costs n steps whatever it holds.
 */

#include "pando_shape.h"


static void take_money(pando_faults_t *f, pando_slot_t slot, json_t *value,
    pando_money_t *money);
static void take_amount(pando_faults_t *f, pando_slot_t slot, json_t *value,
    int64_t *amount);
static void take_currency(pando_faults_t *f, json_t *value, char *currency);
static void take_words(pando_faults_t *f, pando_slot_t slot, json_t *value,
    const char **words);
static bool word_ok(pando_faults_t *f, pando_range_t range, json_t *value);
static uint64_t hash_bytes(uint64_t h, const void *p, size_t len);
static uint64_t hash_tree(json_t *v);
static uint64_t hash_item(pando_is_t is, const pando_list_t *list,
    json_t *array, size_t i);
static bool same_item(pando_is_t is, const pando_list_t *list,
    json_t *array, size_t i, size_t j);


void
pando_take_compound(pando_faults_t *f, pando_slot_t slot, json_t *value,
    void *dst)
{
    if (slot.is == PANDO_IS_MONEY) {
        take_money(f, slot, value, dst);

    } else if (slot.is == PANDO_IS_WORDS) {
        take_words(f, slot, value, dst);

    } else {
        *(json_t **) dst = value;
        f->trees = true;
    }
}


static void
take_money(pando_faults_t *f, pando_slot_t slot, json_t *value,
    pando_money_t *money)
{
    json_t        *amount, *currency, *member;
    const char    *name;
    pando_place_t  place;

    if (!json_is_object(value)) {
        pando_fault(f, "wrong_type", "must be %s", pando_kind_says(slot.is));
        return;
    }

    amount = json_object_get(value, "amount");
    currency = json_object_get(value, "currency");

    pando_enter(f, &place, "amount");
    take_amount(f, slot, amount, &money->amount);
    pando_leave_place(f);

    pando_enter(f, &place, "currency");
    take_currency(f, currency, money->currency);
    pando_leave_place(f);

    if (json_object_size(value)
        == (size_t) (amount != NULL) + (currency != NULL))
    {
        return;
    }

    json_object_foreach(value, name, member) {
        if (member != amount && member != currency) {
            pando_enter(f, &place, name);
            pando_fault(f, "unknown_member", "is not known here");
            pando_leave_place(f);
        }
    }
}


static void
take_amount(pando_faults_t *f, pando_slot_t slot, json_t *value,
    int64_t *amount)
{
    if (value == NULL) {
        pando_fault(f, "missing", "is required");

    } else if (!json_is_integer(value)) {
        pando_fault(f, "wrong_type", "must be an integer of minor units");

    } else {
        pando_take_int(f, slot, json_integer_value(value), amount);
    }
}


static void
take_currency(pando_faults_t *f, json_t *value, char *currency)
{
    if (value == NULL) {
        pando_fault(f, "missing", "is required");

    } else if (!json_is_string(value)) {
        pando_fault(f, "wrong_type", "must be a text");

    } else if (json_string_length(value) != 3
               || pando_currency_digits(json_string_value(value)) < 0)
    {
        pando_fault(f, "not_one_of",
                    "must be an active currency of ISO 4217 such as EUR");

    } else {
        memcpy(currency, json_string_value(value), 4);
    }
}


/* Kept as JSON text, since that is what PostgreSQL takes and gives. */

static void
take_words(pando_faults_t *f, pando_slot_t slot, json_t *value,
    const char **words)
{
    bool                   ok = true;
    size_t                 n = json_object_size(value);
    json_t                *word;
    const char            *locale;
    pando_out_t            out;
    pando_range_t          r;
    pando_place_t          place;
    const pando_format_t  *format = pando_format_find("locale");

    r = pando_field_range(slot.field, slot.is, slot.item);

    if (json_is_string(value)) {
        ok = word_ok(f, r, value);

    } else if (!json_is_object(value)) {
        pando_fault(f, "wrong_type", "must be %s", pando_kind_says(slot.is));
        return;

    } else if (n == 0 || n > PANDO_WORDS_MAX) {
        pando_fault(f, n ? "too_many" : "too_few",
                    "must have 1 to %d languages", PANDO_WORDS_MAX);
        return;
    }

    json_object_foreach(value, locale, word) {
        pando_enter(f, &place, locale);

        if (!format->match(locale, strlen(locale))) {
            pando_fault(f, "bad_format", "must be named by %s",
                        format->says);
            ok = false;

        } else {
            ok &= word_ok(f, r, word);
        }

        pando_leave_place(f);
    }

    if (!ok) {
        return;
    }

    pando_out_init(&out, f->mem);
    pando_out_tree(&out, value);
    *words = pando_out_flat(&out, NULL);
    f->no_memory |= *words == NULL;
}


static bool
word_ok(pando_faults_t *f, pando_range_t range, json_t *value)
{
    if (!json_is_string(value)) {
        pando_fault(f, "wrong_type", "must be a text");
        return false;
    }

    return pando_text_ok(f, range, json_string_value(value),
                         json_string_length(value));
}


/* Open addressing over the indexes of the items; 0 is a free place. */

void
pando_list_unique(pando_faults_t *f, pando_is_t is, const pando_list_t *list,
    json_t *array)
{
    size_t         i, mask = 8;
    uint64_t       h;
    uint32_t      *table;
    pando_place_t  place;

    while (mask < 2 * list->n) {
        mask *= 2;
    }

    table = pando_mem_alloc(f->mem, mask * sizeof(uint32_t));

    if (table == NULL) {
        f->no_memory = true;
        return;
    }

    mask--;

    for (i = 0; i < list->n; i++) {
        h = hash_item(is, list, array, i) & mask;

        while (table[h] != 0
               && !same_item(is, list, array, table[h] - 1, i))
        {
            h = (h + 1) & mask;
        }

        if (table[h] == 0) {
            table[h] = (uint32_t) i + 1;
            continue;
        }

        pando_enter_item(f, &place, i);
        pando_fault(f, "not_unique", "repeats item %u", table[h] - 1);
        pando_leave_place(f);
    }
}


static uint64_t
hash_item(pando_is_t is, const pando_list_t *list, json_t *array, size_t i)
{
    switch (is) {

    case PANDO_IS_UUID:
        return hash_bytes(0, (pando_uuid_t *) list->items + i, 16);

    case PANDO_IS_TIME:
        return hash_bytes(0, (pando_time_t *) list->items + i, 8);

    default:
        return hash_tree(json_array_get(array, i));
    }
}


static bool
same_item(pando_is_t is, const pando_list_t *list, json_t *array, size_t i,
    size_t j)
{
    switch (is) {

    case PANDO_IS_UUID:
        return pando_uuid_eq(((pando_uuid_t *) list->items)[i],
                             ((pando_uuid_t *) list->items)[j]);

    case PANDO_IS_TIME:
        return ((pando_time_t *) list->items)[i]
               == ((pando_time_t *) list->items)[j];

    case PANDO_IS_NUMBER:
        return ((double *) list->items)[i] == ((double *) list->items)[j];

    default:
        return json_equal(json_array_get(array, i), json_array_get(array, j));
    }
}


static uint64_t
hash_bytes(uint64_t h, const void *p, size_t len)
{
    static uint64_t       seed;
    const unsigned char  *b = p;

    if (seed == 0) {
        seed = pando_random(&seed, sizeof(seed)) ? seed | 1 : 1;
    }

    h += seed;

    while (len-- > 0) {
        h = (h ^ *b++) * 0x9e3779b97f4a7c15u;
        h ^= h >> 29;
    }

    return h;
}


/* Independent of the order of members; a number's is that of its value. */

static uint64_t
hash_tree(json_t *v)
{
    double       number;
    size_t       i;
    json_t      *member;
    uint64_t     h = (uint64_t) json_typeof(v);
    const char  *name;

    switch (json_typeof(v)) {

    case JSON_STRING:
        return hash_bytes(h, json_string_value(v), json_string_length(v));

    case JSON_INTEGER:
    case JSON_REAL:
        number = json_number_value(v) + 0.0;
        return hash_bytes(JSON_REAL, &number, sizeof(number));

    case JSON_ARRAY:
        json_array_foreach(v, i, member) {
            h = hash_bytes(h, &(uint64_t) { hash_tree(member) }, 8);
        }

        return h;

    case JSON_OBJECT:
        json_object_foreach(v, name, member) {
            h += hash_bytes(hash_tree(member), name, strlen(name));
        }

        return h;

    default:
        return hash_bytes(h, "", 0);
    }
}
