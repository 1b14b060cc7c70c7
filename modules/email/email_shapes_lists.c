/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Email: what lists and their members look like, coming in and going out.
 */

#include "email.h"


const char *const  email_member_states[] = {
    "pending", "confirmed", "unsubscribed", NULL
};


typedef struct {
    pando_uuid_t   id;
    const char    *name, *description;
    int64_t        version;
    pando_time_t   created_at, updated_at;
} list_t;

typedef struct {
    const char    *address, *name, *locale;
    json_t        *data, *proof;
    int            state;
    pando_time_t   changed_at;
} member_t;

static const pando_field_t  list_in_fields[] = {
    PANDO_FIELD(email_list_in_t, TEXT, name, .required = true, .min = 1,
                .max = 200, .example = "\"News\""),
    PANDO_FIELD(email_list_in_t, TEXT, description, .max = 2000),
    PANDO_END
};

static const pando_field_t  list_fields[] = {
    PANDO_FIELD(list_t, UUID, id, .required = true),
    PANDO_FIELD(list_t, TEXT, name, .required = true),
    PANDO_FIELD(list_t, TEXT, description, .required = true,
                .nullable = true),
    PANDO_FIELD(list_t, INT, version, .required = true),
    PANDO_FIELD(list_t, TIME, created_at, .required = true),
    PANDO_FIELD(list_t, TIME, updated_at, .required = true),
    PANDO_END
};

static const pando_field_t  member_fields[] = {
    PANDO_FIELD(member_t, TEXT, address, .required = true),
    PANDO_FIELD(member_t, TEXT, name, .required = true, .nullable = true),
    PANDO_FIELD(member_t, TEXT, locale, .required = true, .nullable = true),
    PANDO_FIELD(member_t, TREE, data, .required = true),
    PANDO_FIELD(member_t, ENUM, state, .required = true,
                .among = email_member_states),
    PANDO_FIELD(member_t, TREE, proof, .required = true),
    PANDO_FIELD(member_t, TIME, changed_at, .required = true),
    PANDO_END
};

static const pando_field_t  members_in_fields[] = {
    PANDO_FIELD(email_members_in_t, ENUM, state,
                .among = email_member_states),
    PANDO_END
};

static const pando_field_t  member_named_fields[] = {
    PANDO_FIELD(email_member_named_t, TEXT, address, .required = true,
                .max = 320, .example = "\"ada@example.com\""),
    PANDO_END
};

static const pando_field_t  member_in_fields[] = {
    PANDO_FIELD(email_member_in_t, TEXT, address, .required = true,
                .max = 320, .example = "\"ada@example.com\""),
    PANDO_FIELD(email_member_in_t, TEXT, name, .max = 200),
    PANDO_FIELD(email_member_in_t, TEXT, locale, .pattern = "locale"),
    PANDO_FIELD(email_member_in_t, TREE, data,
                .note = "for templates"),
    PANDO_END
};

static const pando_shape_t  member_in = {
    .name = "EmailMemberIn", .size = sizeof(email_member_in_t),
    .given = true, .fields = member_in_fields
};

static const pando_field_t  proof_fields[] = {
    PANDO_FIELD(email_proof_t, TEXT, source, .required = true, .min = 1,
                .max = 200, .note = "where they said yes",
                .example = "\"checkout\""),
    PANDO_FIELD(email_proof_t, TIME, at),
    PANDO_FIELD(email_proof_t, TEXT, text, .max = 2000,
                .note = "what they said yes to"),
    PANDO_END
};

static const pando_shape_t  proof_in = {
    .name = "EmailConsentProof", .size = sizeof(email_proof_t),
    .given = true, .fields = proof_fields
};

static const pando_field_t  import_in_fields[] = {
    PANDO_FIELD(email_import_in_t, OBJECT, proof, .required = true,
                .shape = &proof_in),
    PANDO_FIELD(email_import_in_t, LIST, members, .required = true,
                .shape = &member_in, .min = 1, .max = 5000),
    PANDO_END
};

static const pando_field_t  imported_fields[] = {
    PANDO_FIELD(email_imported_t, INT, members, .required = true,
                .note = "that are on the list by it, or no more"),
    PANDO_END
};

static const pando_field_t  subscribe_in_fields[] = {
    PANDO_FIELD(email_subscribe_in_t, TEXT, address, .required = true,
                .max = 320, .example = "\"ada@example.com\""),
    PANDO_FIELD(email_subscribe_in_t, TEXT, name, .max = 200),
    PANDO_FIELD(email_subscribe_in_t, TEXT, locale, .pattern = "locale"),
    PANDO_END
};

static const pando_field_t  asked_fields[] = {
    PANDO_FIELD(email_asked_t, TEXT, state, .required = true,
                .note = "pending, whoever it is"),
    PANDO_END
};

const pando_shape_t
email_list_in = {
    .name = "EmailListIn", .size = sizeof(email_list_in_t), .given = true,
    .fields = list_in_fields
},
email_list_patch = {
    .name = "EmailListChange", .size = sizeof(email_list_in_t),
    .given = true, .fields = list_in_fields, .patch = true
},
email_list_view = {
    .name = "EmailList", .size = sizeof(list_t), .fields = list_fields
},
email_member_view = {
    .name = "EmailMember", .size = sizeof(member_t), .fields = member_fields
},
email_members_in = {
    .name = "EmailMemberFilter", .size = sizeof(email_members_in_t),
    .given = true, .fields = members_in_fields
},
email_member_named = {
    .name = "EmailMemberNamed", .size = sizeof(email_member_named_t),
    .given = true, .fields = member_named_fields
},
email_import_in = {
    .name = "EmailImport", .size = sizeof(email_import_in_t), .given = true,
    .fields = import_in_fields
},
email_imported_view = {
    .name = "EmailImported", .size = sizeof(email_imported_t),
    .fields = imported_fields
},
email_subscribe_in = {
    .name = "EmailSubscription", .size = sizeof(email_subscribe_in_t),
    .given = true, .fields = subscribe_in_fields
},
email_asked_view = {
    .name = "EmailAsked", .size = sizeof(email_asked_t),
    .fields = asked_fields
};
