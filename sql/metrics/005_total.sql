-- Metrics: sums of counts.
--
-- The sum of bigints is a numeric, which is dear where there are seventeen in
-- each of thousands of rows.  Counts and microseconds of 400 days stay far
-- below what a bigint holds; more than that is an error and never wraps.

CREATE AGGREGATE metrics.total(bigint) (
    sfunc = int8pl,
    stype = bigint,
    initcond = '0',
    combinefunc = int8pl,
    parallel = safe
);
