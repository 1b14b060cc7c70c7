-- Straits: what the tests of lifetimes need in the database.

CREATE SCHEMA straits;

CREATE SEQUENCE straits.stumbles;

-- Every other call of it loses a race.
CREATE FUNCTION straits.stumble() RETURNS bigint
LANGUAGE plpgsql AS $$
BEGIN
    IF nextval('straits.stumbles') % 2 = 1 THEN
        RAISE EXCEPTION 'stumbled' USING ERRCODE = 'serialization_failure';
    END IF;

    RETURN 1;
END
$$;

-- Its column changes its type while statements are prepared.
CREATE TABLE straits.depths (
    id  int NOT NULL,
    n   int NOT NULL,

    CONSTRAINT depths_pkey PRIMARY KEY (id)
);

INSERT INTO straits.depths VALUES (1, 7);
