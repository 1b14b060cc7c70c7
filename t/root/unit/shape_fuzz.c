/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * For clang's fuzzer.  The first byte chooses what the rest is: a body, a
 * merge patch, a query string.  What is taken must be rendered, and what is
 * rendered must be what its shape says.
 */

#include "shape_kit.h"


int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);


static void
must(bool good)
{
    if (!good) {
        abort();
    }
}


static void
body(const char *text, size_t len, bool patch)
{
    int             status;
    char           *back;
    void           *row, *again;
    json_t         *tree = NULL, *second = NULL;
    pando_out_t     out;
    pando_faults_t  f;

    pando_faults_init(&f, &mem);
    status = (patch ? pando_patch_parse : pando_shape_parse)
                 (&order_shape, text, len, &mem, &row, &tree, &f);
    must((status == 0) == (f.n == 0 && tree != NULL && row != NULL));

    pando_out_init(&out, &mem);
    pando_faults_write(&f, &out);
    must(pando_out_flat(&out, NULL) != NULL);

    if (status == 0 && !patch) {
        ((order_t *) row)->id.b[0] = 1;
        pando_out_init(&out, &mem);
        must(pando_render(&order_shape, row, &out) == 0);
        back = pando_out_flat(&out, &len);
        must(pando_shape_verify(&order_shape, back, len, &f) == 0);

        /* Parsed again without its identifier it is the same. */
        second = json_loadb(back, len, 0, NULL);
        json_object_del(second, "id");
        must(pando_shape_take(&order_shape, second, &mem, &again, &f) == 0);
        must(((order_t *) again)->given.nulls
             == ((order_t *) row)->given.nulls);
        json_decref(second);
    }

    json_decref(tree);
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    int                status;
    void              *row;
    pando_faults_t     f;
    pando_page_args_t  page = { NULL, 0, NULL, NULL, NULL };

    if (size == 0) {
        return 0;
    }

    if (data[0] % 4 < 2) {
        body((const char *) data + 1, size - 1, data[0] % 4 == 1);

    } else {
        pando_faults_init(&f, &mem);
        status = pando_query_parse(&line_shape, (const char *) data + 1,
                                   size - 1, &mem, &row, &page, &f);
        must((status == 0) == (f.n == 0));
    }

    arena_reset();

    return 0;
}
