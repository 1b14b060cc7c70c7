-- Straits: one query for each way to get lost.

-- name: stumble() -> bigint
-- lane: writes
SELECT straits.stumble();

-- name: whose() -> text
SELECT :tenant::text;

-- name: fill(text text) -> none
SELECT repeat(:text, 4);

-- name: say(number bigint) -> bigint
SELECT :number * 2;

-- name: share(number bigint) -> bigint
SELECT 12 / :number;

-- name: sly() -> bigint
SELECT straits.stumble();

-- name: depth() -> bigint
SELECT n FROM straits.depths WHERE id = 1;
