-- Toil: what jobs leave behind, for the tests of the root.

CREATE SCHEMA toil;

-- A row as a run begins, and one as it has its effect.
CREATE TABLE toil.runs (
    id        bigint GENERATED ALWAYS AS IDENTITY,
    job       uuid NOT NULL,
    attempt   int NOT NULL,
    tenant    uuid,
    n         bigint NOT NULL DEFAULT 0,
    pid       int NOT NULL,
    began_at  timestamptz NOT NULL DEFAULT clock_timestamp(),

    CONSTRAINT runs_pkey PRIMARY KEY (id)
);

CREATE TABLE toil.effects (
    id   bigint GENERATED ALWAYS AS IDENTITY,
    job  uuid NOT NULL,
    n    bigint NOT NULL DEFAULT 0,
    at   timestamptz NOT NULL DEFAULT clock_timestamp(),

    CONSTRAINT effects_pkey PRIMARY KEY (id)
);
