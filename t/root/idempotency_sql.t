# Idempotency keys in PostgreSQL: one of many sessions gets a key, and all
# others are told what has become of it.

use Pando;

use DBI;
use DBD::Pg qw(:async);
use lib "$Pando::ROOT/sql";
use Queries;

my ($CLAIM, $KEEP) = map { "SELECT pando.$_" }
    'claim_key(?, ?, ?, ?, ?)', 'keep_reply(?, ?, ?, ?, ?, ?)';
my ($tenant, $caller, $other) = map { sprintf '%08d-0000-7000-8000-000000000000',
    $_ } 1 .. 3;
my @sessions = map { opened() } 1 .. 20;
my ($one, $two) = @sessions;


# Twenty at once

for my $round (1 .. 25) {
    $_->begin_work for @sessions;

    for my $db (@sessions) {
        $db->do("SELECT pando.claim_key('$tenant', '$caller', 'race $round',
                 '/orders', '\\x01')", { pg_async => PG_ASYNC });
    }

    my @said = map { my $db = $_; eval { $db->pg_result; 'got it' }
                     // $db->state } @sessions;
    my @got = grep { $said[$_] eq 'got it' } 0 .. $#said;

    is_deeply [ sort @said ], [ ('PD409') x 19, 'got it' ],
        "round $round: one of twenty gets the key";

    my $winner = $sessions[$got[0] // 0];

    keep($winner, "race $round", 201);
    $_->commit for $winner;
    $_->rollback for grep { $_ != $winner } @sessions;
}

is cell('SELECT count(*) FROM pando.idempotency WHERE status = 201'), 25,
    'and keeps its reply';


# What others are told

is claim($one, 'race 1'), 'PD200', 'the same request: it is done';
is claim($one, 'race 1', hash => "\2"), 'PD422', 'another body';
is claim($one, 'race 1', route => '/carts'), 'PD422', 'another route';
is claim($one, 'race 1', caller => $other), 'ok', 'another caller\'s key';
is claim($one, 'race 1', tenant => $other), 'ok', 'another tenant\'s key';

$one->begin_work;
is claim($one, 'slow'), 'ok', 'a key is claimed';
is claim($two, 'slow'), 'PD409', 'another session is told that it runs';
is cell("SELECT count(*) FROM pando.idempotency WHERE key = 'slow'", $two), 0,
    'a claim is seen by nobody';
keep($one, 'slow', 200);
is claim($two, 'slow'), 'PD409', 'also when its reply is kept';
$one->commit;
is claim($two, 'slow'), 'PD200', 'until it commits';

$one->begin_work;
is claim($one, 'gone'), 'ok', 'a key is claimed';
$one->rollback;
is claim($two, 'gone'), 'ok', 'and free again where that came to nothing';

my $lost = opened();

$lost->begin_work;
is claim($lost, 'lost'), 'ok', 'a key is claimed';
$one->do("SELECT pg_terminate_backend($lost->{pg_pid})");
ok(Pando->wait_for(sub { claim($two, 'lost') eq 'ok' }),
    'and free again where its session has died');
$lost->{InactiveDestroy} = 1;

$two->begin_work;
ok !eval { keep($two, 'never', 200); 1 }, 'a reply to what was not claimed';
is $two->state, 'PD500', 'is a mistake';
$two->rollback;

is_deeply $two->selectrow_arrayref("SELECT status, headers, body,
    body_hash = '\\x01' FROM pando.idempotency WHERE key = 'slow'"),
    [ 200, 'h', "body of 'slow'", 1 ], 'what is kept';

for my $level ('REPEATABLE READ', 'SERIALIZABLE') {
    $one->begin_work;
    $one->do("SET TRANSACTION ISOLATION LEVEL $level");
    $one->do('SELECT 1');
    $two->begin_work;
    is claim($two, $level), 'ok', "$level: claimed by another";
    keep($two, $level, 200);
    $two->commit;
    like claim($one, $level), qr/^(?:40001|PD200)$/, 'and never twice';
    $one->rollback;
}

for my $key ('', 'x' x 256) {
    is claim($one, $key), '23514', 'a key of ' . length($key) . ' characters';
}

is claim($one, 'é' x 255), 'ok', 'a key of 255 characters';


# Expiry

$one->do("UPDATE pando.idempotency SET created_at = now() - interval '24 h'
          WHERE key = 'slow'");
$one->begin_work;
is claim($one, 'slow', hash => "\2"), 'ok', 'a day later the key is free';
is_deeply $one->selectrow_arrayref("SELECT status, headers, body, body_hash =
    '\\x02', created_at = now() FROM pando.idempotency WHERE key = 'slow'"),
    [ 0, '', '', 1, 1 ], 'and knows nothing of before';
$one->commit;

my %query = map { $_->{name} => join "\n", @{ $_->{texts}[0]{sql} } }
    @{ Queries::domain("$Pando::ROOT/sql", 'pando')->{queries} };

$one->do('DELETE FROM pando.idempotency');
claim($one, $_) for 1 .. 30;
$one->do("UPDATE pando.idempotency SET created_at = now() - interval '25 h'
          WHERE key::int > 5");

my $replay = $one->prepare($query{replay});

is $replay->execute($tenant, $caller, 3), 1, 'a reply is found';
is $replay->execute($tenant, $caller, 6), '0E0', 'unless it has expired';
$replay->finish;

$two->begin_work;
$two->do("SELECT FROM pando.idempotency WHERE key = '6' FOR UPDATE");
is purged(20), 20, 'keys are purged by the batch';
is purged(20), 4, 'without waiting for one that is in use';
$two->rollback;
is purged(20), 1, 'but in the end';
is_deeply $one->selectcol_arrayref('SELECT key FROM pando.idempotency ORDER BY
    key'), [ 1 .. 5 ], 'and none too early';

$_->disconnect for @sessions;
done_testing;


sub opened
{
    return DBI->connect('dbi:Pg:' . Pando::database(), '', '',
        { RaiseError => 1, PrintError => 0 });
}


# "ok" or the SQLSTATE.
sub claim
{
    my ($db, $key, %other) = @_;
    my %of = (tenant => $tenant, caller => $caller, route => '/orders',
        hash => "\1", %other);
    my $st = $db->prepare($CLAIM);

    $st->bind_param(5, $of{hash}, { pg_type => DBD::Pg::PG_BYTEA });
    utf8::decode($key);
    return eval { $st->execute(@of{qw(tenant caller)}, $key,
        @of{qw(route hash)}); 'ok' } // $st->state;
}


sub keep
{
    my ($db, $key, $status) = @_;

    $db->do($KEEP, undef, $tenant, $caller, $key, $status, 'h',
        "body of '$key'");
}


sub purged
{
    my ($n) = @_;

    return $one->do($query{purge_keys}, undef, $n) + 0;
}


sub cell
{
    my ($sql, $db) = @_;

    return (($db // $one)->selectrow_array($sql))[0];
}
