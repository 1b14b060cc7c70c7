-- Listener: what it heard, and what it is to make of it.

CREATE SCHEMA listener;

-- small: of the tests
CREATE TABLE listener.heard (
    n          bigint GENERATED ALWAYS AS IDENTITY,
    tenant_id  uuid NOT NULL,
    consumer   text NOT NULL,
    event      uuid NOT NULL,
    type       text NOT NULL,
    subject    uuid,
    name       text,
    attempt    int NOT NULL,
    trace      text,
    at         timestamptz NOT NULL,
    heard_at   timestamptz NOT NULL DEFAULT clock_timestamp(),

    CONSTRAINT heard_pkey PRIMARY KEY (n)
);

-- What a name makes of it: "fail" so many times, "slow" so many ms.
-- small: of the tests
CREATE TABLE listener.moods (
    tenant_id  uuid NOT NULL,
    name       text NOT NULL,
    fail       int NOT NULL DEFAULT 0,
    slow_ms    int NOT NULL DEFAULT 0,

    CONSTRAINT moods_pkey PRIMARY KEY (tenant_id, name)
);
