# The root's SQL: ids, times, words, and events - written by the statement that
# makes the change, followed without a gap, deleted behind every reader.

use Pando;

use DBI;
no warnings 'portable';
use lib "$Pando::ROOT/sql";
use Queries;

my $db = opened();
my $two = opened();
my %query = map { $_->{name} => join "\n", @{ $_->{texts}[0]{sql} } }
    @{ Queries::domain("$Pando::ROOT/sql", 'pando')->{queries} };


# Ids

my @ids = @{ $db->selectcol_arrayref(
    'SELECT pando.uuid7() FROM generate_series(1, 1000)') };
my ($now) = $db->selectrow_array(
    'SELECT floor(extract(epoch FROM clock_timestamp()) * 1000)');

is scalar(grep { !/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}
                   -[0-9a-f]{12}$/x } @ids), 0, 'ids are of version 7';
is keys %{{ map { $_ => 1 } @ids }}, 1000, 'and differ';
ok abs(hex(substr($ids[-1], 0, 8) . substr $ids[-1], 9, 4) - $now) < 5000,
    'they begin with the time';
is_deeply [ map { substr $_, 0, 18 } @ids ],
    [ sort map { substr $_, 0, 18 } @ids ], 'and are in its order';


# Times

for my $zone ('UTC', 'Asia/Kolkata') {
    $db->do("SET TimeZone = '$zone'; SET DateStyle = 'German'");

    for ([ '2026-11-21 10:40:26+02', '2026-11-21T08:40:26Z' ],
         [ '2026-11-21 10:40:26.5+00', '2026-11-21T10:40:26.500Z' ],
         [ '2026-11-21 10:40:26.000001+00', '2026-11-21T10:40:26.000001Z' ],
         [ '1969-12-31 23:59:59.999+00', '1969-12-31T23:59:59.999Z' ],
         [ '0001-01-01 00:00:00+00', '0001-01-01T00:00:00Z' ],
         [ 'infinity', undef ], [ undef, undef ])
    {
        is cell('SELECT pando.rfc3339(?)', $_->[0]), $_->[1],
            ($_->[0] // 'null') . " in $zone";
    }
}

$db->do('RESET ALL');
is cell("SELECT provolatile FROM pg_proc WHERE oid =
    'pando.rfc3339'::regproc"), 'i', 'a time can stand in an index';


# Words

for ([ '{"en": "a", "de": "b", "de-AT": "c"}', 'de-AT', 'c' ],
     [ '{"en": "a", "de": "b"}', 'de-CH', 'b' ],
     [ '{"en": "a", "de": "b"}', 'fr', 'a' ],
     [ '{"uk": "a"}', 'fr-CA', 'a' ], [ '{"uk": "a"}', undef, 'a' ],
     [ '"plain"', 'de', 'plain' ], [ '{}', 'de', undef ],
     [ 'null', 'de', undef ], [ '[1]', 'de', undef ], [ undef, 'de', undef ])
{
    my ($words, $locale, $want) = @$_;

    is cell('SELECT pando.words(?, ?)', $words, $locale), $want,
        ($words // 'null') . ' in ' . ($locale // 'null');
}

for my $text ('100%', 'a_b', 'c\\d', 'e') {
    is cell("SELECT count(*) FROM (VALUES ('100%'), ('1000'), ('a_b'), ('axb'),
        ('c\\d'), ('cd'), ('e')) AS v(t) WHERE t LIKE pando.like(?)", $text), 1,
        "$text stands for itself alone";
}


# Events: written with the change, in one statement

my $E = "pando.emit(NULL, 'thing.made', 1, NULL, jsonb_build_object('n', n))";

$db->do('CREATE TABLE things (n int)');

for ([ 'a column of the statement', 3, "WITH o AS (%s) SELECT n, $E FROM o" ],
     [ 'a WITH that is counted', 3, "WITH o AS (%s), e AS (SELECT $E FROM o)
           SELECT (SELECT count(*) FROM e), n FROM o" ],
     [ 'a WITH that is joined', 3, "WITH o AS (%s), e AS (SELECT n, $E FROM o)
           SELECT n FROM o JOIN e USING (n)" ],
     [ 'a WITH that nothing reads', 0, "WITH o AS (%s), e AS (SELECT $E FROM o)
           SELECT n FROM o" ])
{
    my ($how, $events, $sql) = @$_;

    $db->do('DELETE FROM pando.outbox');
    $db->do(sprintf $sql, 'INSERT INTO things SELECT * FROM
        generate_series(1, 3) RETURNING n');
    is cell('SELECT count(*) FROM pando.outbox'), $events,
        "$how: $events events of three rows";
}

$db->do('DELETE FROM pando.outbox');
$db->begin_work;
$db->do("SELECT $E FROM (VALUES (1)) AS v(n)");
$db->rollback;
is cell('SELECT count(*) FROM pando.outbox'), 0, 'a rollback takes it along';

my $id = cell('SELECT pando.uuid7()');

run('emit', $id, 'thing.made', 2, $id, '{"a": 1}', $id, '00-t');
is_deeply $db->selectrow_arrayref("SELECT tenant_id, type, schema, subject,
    data ->> 'a', actor, trace, at <= now(), id <> subject FROM pando.outbox"),
    [ $id, 'thing.made', 2, $id, 1, $id, '00-t', 1, 1 ], 'an event';


# Readers: nothing is passed over, though transactions end in another order
# than they began, and nothing is read twice.

$db->do("DELETE FROM pando.$_") for qw(outbox readers);
run('add_reader', 'relay') for 1 .. 2;
is_deeply [ read_on() ], [], 'a new reader, nothing there';

$two->begin_work;
$two->do("SELECT pando.emit(NULL, 'late', 1, NULL, '{}')");
$db->do("SELECT pando.emit(NULL, 'early', 1, NULL, '{}')");
is_deeply [ read_on() ], [], 'an event behind a transaction that runs waits';
$two->commit;
is_deeply [ read_on() ], [ qw(late early) ], 'then both come';
is_deeply [ read_on() ], [], 'once';

$db->do("SELECT pando.emit(NULL, i::text, 1, NULL, '{}')
         FROM generate_series(1, 25) AS i");
is_deeply [ map { read_on(10) } 1 .. 4 ], [ 1 .. 25 ], 'in batches, in order';

$two->begin_work;
is scalar(@{ run('lock_reader', 'relay', $two) }), 1, 'a reader is locked';
is_deeply run('lock_reader', 'relay'), [], 'and given to nobody else';
$two->rollback;


# Retention

$db->do("SELECT pando.emit(NULL, 'unread', 1, NULL, '{}')");
$db->do("UPDATE pando.outbox SET at = now() - interval '9 days'");
is purge(7, 20), 20, 'old events are deleted by the batch';
is purge(7, 20), 7, 'as far as every reader has come';
is purge(7, 20), 0, 'and no further';
run('add_reader', 'slow');
read_on();
is purge(7, 20), 0, 'not before the slowest reader';
$db->do("UPDATE pando.readers SET (xid, seq) = (SELECT xid, seq FROM
    pando.readers WHERE name = 'relay')");
is purge(10, 20), 0, 'nor before their time';
is purge(7, 20), 1, 'but then';

$_->disconnect for $db, $two;
done_testing;


sub opened
{
    return DBI->connect('dbi:Pg:' . Pando::database(), '', '',
        { RaiseError => 1, PrintError => 0 });
}


sub cell
{
    my ($sql, @bind) = @_;

    return ($db->selectrow_array($sql, undef, @bind))[0];
}


# A named query of the root's.
sub run
{
    my ($name, @bind) = @_;
    my $on = ref $bind[-1] ? pop @bind : $db;

    return $on->selectall_arrayref($query{$name}, { Slice => {} }, @bind);
}


sub purge
{
    return $db->do($query{purge_events}, undef, reverse @_) + 0;
}


# The types of the next events, as a relay reads them.
sub read_on
{
    my ($batch) = @_;

    $db->begin_work;

    my ($from) = @{ run('lock_reader', 'relay') };
    my $events = run('events_after', @$from{qw(xid seq)}, $batch // 100);

    run('move_reader', @{ $events->[-1] }{qw(xid seq)}, 'relay') if @$events;
    $db->commit;
    return map { $_->{type} } @$events;
}
