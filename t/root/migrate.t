# sql/migrate: order, checksums, two starters at once, kill -9 at each step, an
# index that was left invalid, locks that others hold; and that what the house
# migrates is granted to nobody else.

use Pando;

use DBI;
use File::Temp qw(tempdir);
use IO::Select;
use POSIX qw(_exit);
use subs qw(cell column ended gone opened put reached run said started fresh);

my $MIGRATE = "$Pando::ROOT/sql/migrate";
my $dir = tempdir(CLEANUP => 1);
my $admin = opened('postgres');
my ($sql, $name, $db, $dbs) = ('');

$ENV{PANDO_LOCK_MS} = 60_000;


fresh('order', pando => { '001_root' => 'CREATE TABLE pando.one (n int)' },
    zoo => { '002_second' => 'INSERT INTO zoo.log VALUES (2)',
             '001_first' => 'CREATE SCHEMA zoo; CREATE TABLE zoo.log (n int)',
             '010_last' => "-- é\nINSERT INTO zoo.log VALUES (10);\n" },
    ant => { '001_first' => 'CREATE SCHEMA ant' });

is_deeply [ run('plan') ], [ 0, map { "sql/$_.sql" }
    qw(pando/001_root ant/001_first zoo/001_first zoo/002_second
       zoo/010_last) ], 'plan: the root first, then each by its numbers';
is cell("SELECT to_regnamespace('pando')"), undef, 'plan changes nothing';
is said('verify'), '1 migrate: sql/pando/001_root.sql is not applied, nor are'
    . ' 4 more', 'verify: what is missing';
is_deeply [ map { s/ \d+ ms$//r } run('up', 'ant') ],
    [ 0, 'sql/pando/001_root.sql', 'sql/ant/001_first.sql' ],
    'one domain brings the root along';
is_deeply [ map { s/ \d+ ms$//r } run() ], [ 0, map { "sql/zoo/$_.sql" }
    qw(001_first 002_second 010_last) ], 'up is what it does by itself';
is_deeply column('SELECT n FROM zoo.log'), [ 2, 10 ], 'in order';
is_deeply [ run('up') ], [ 0, 'nothing to apply' ], 'up again: nothing';
is_deeply [ run('verify') ], [ 0 ], 'verify is content';
is_deeply column("SELECT number || name || (checksum ~ '^[0-9a-f]{64}\$')
    FROM pando.migrations WHERE domain = 'zoo' ORDER BY number"),
    [ qw(1firsttrue 2secondtrue 10lasttrue) ], 'and it is written down';


# What is refused

put('zoo/002_second', 'INSERT INTO zoo.log VALUES (3)');
like said('up'), qr{^1 migrate: sql/zoo/002_second\.sql has changed since it},
    'a changed step is refused';
like said('verify'), qr/^1 .*002_second\.sql has changed/, 'verify sees it too';
like said('status'), qr{002_second\.sql +changed\n}, 'and status says so';
put('zoo/002_second', 'INSERT INTO zoo.log VALUES (2)');

put('zoo/005_late', 'INSERT INTO zoo.log VALUES (5)');
like said('up'), qr/^1 .*005_late\.sql comes before step 10.*higher number$/,
    'a step before an applied one is refused';
unlink "$sql/zoo/005_late.sql";

put('zoo/011_wrong', "INSERT INTO zoo.log VALUES (11);\n\nSELECT é, gone\n"
    . "FROM zoo.log;");
is said('up'), '1 migrate: sql/zoo/011_wrong.sql:3: column "é" does not exist',
    'a mistake is named with its line';
is cell('SELECT count(*) FROM zoo.log'), 2, 'and nothing of its step is left';

put('zoo/011_wrong', "SELECT 1;\nCOMMIT;\nSELECT 2;");
like said('up'), qr/011_wrong\.sql:2: .*there is no COMMIT in it$/,
    'a step does not end its transaction';

put('zoo/011_wrong', "-- no transaction\nDELETE FROM zoo.log;");
like said('up'), qr/011_wrong\.sql:2: .*holds only what can be run twice$/,
    'a step without a transaction can be run twice';
put('zoo/011_wrong', "-- no transaction\nCREATE INDEX CONCURRENTLY ON zoo.log"
    . ' (n)');
like said('up'), qr/011_wrong\.sql:2: an index has a name/,
    'and names its indexes';

put('zoo/011_other', 'SELECT 1');
like said('plan'), qr/there are two steps of this number/, 'numbers are unique';
unlink map { "$sql/zoo/011_$_.sql" } qw(other wrong);

unlink "$sql/zoo/010_last.sql";
is_deeply [ run('up') ], [ 0, 'nothing to apply' ],
    'an older folder leaves a newer database alone';
like said('status'), qr/010_last\.sql .*not in this folder/, 'status says so';

like said('up', 'nowhere'), qr{^1 migrate: there is no folder sql/nowhere$},
    'a domain that is not there';
is((run('sideways'))[0], 2, 'an unknown verb: how to use it');
like qx{$MIGRATE 'host=/nonexistent dbname=x' 2>&1},
    qr/^migrate: cannot connect: connection to server [^\n]+ failed[^\n]*\n$/,
    'no server: one sentence';

my ($host) = $ENV{PANDO_TEST_PG} =~ /host=(\S+)/;
like qx{PANDO_SQL=$sql $MIGRATE 'postgresql://pando\@/$dbs?host=$host' 2>&1},
    qr/^nothing to apply$/, 'a URI will do';


# Two starters at once: the second waits and finds nothing to do.

fresh('two', pando => { map { sprintf('%03d_step', $_) =>
    "CREATE TABLE pando.t$_ (n int)" } 1 .. 9 });

$db->do('CREATE SCHEMA pando; CREATE TABLE pando.held (n int)');
put('pando/010_held', 'ALTER TABLE pando.held ADD COLUMN m int');
$db->begin_work;
$db->do('LOCK TABLE pando.held');

my @both = map { started() } 1 .. 2;

ok reached("wait_event_type = 'Lock'"), 'one is at the step that is held';
ok $both[1]{wait}->(qr/waiting/) || $both[0]{wait}->(qr/waiting/),
    'the other says that it waits';
$db->commit;

my @said = sort { length $a <=> length $b } map { ended($_) } @both;

like $said[0], qr/waiting for it\nnothing to apply\n0$/, 'and found nothing to do';
is scalar(() = $said[1] =~ / ms$/mg), 10, 'while the first one did all';


# Killed at each step, then run again

my %steps = map { sprintf('%03d_step', $_) => "CREATE TABLE kid.t$_ (n int);"
    . " ALTER TABLE held.h$_ ADD COLUMN m int;" . " CREATE TABLE kid.u$_ (n int)"
    } 1 .. 4;

fresh('killed', pando => { '001_root' => 'SELECT 1' },
    kid => { %steps, '000_schema' => 'CREATE SCHEMA kid' });
$db->do('CREATE SCHEMA held');
$db->do("CREATE TABLE held.h$_ ()") for 1 .. 4;

for my $n (1 .. 4) {
    $db->begin_work;
    $db->do("LOCK TABLE held.h$_") for $n .. 4;

    my $run = started();

    ok reached("wait_event_type = 'Lock' AND query ~ 'held.h$n'"),
        "step $n is half done";
    kill 'KILL', $run->{pid};
    ended($run);
    $db->commit;
    ok gone(), 'its session ends';
    is_deeply column("SELECT number FROM pando.migrations WHERE domain = 'kid'
        ORDER BY number"), [ 0 .. $n - 1 ], "what came before it stands";
    is cell("SELECT to_regclass('kid.t$n')"), undef, 'and nothing of it';
}

is((run())[0], 0, 'run again: done');
is cell("SELECT count(*) FROM pg_class WHERE relnamespace = 'kid'::regnamespace
    AND relkind = 'r'"), 8, 'all of it, once';
is_deeply [ run('verify') ], [ 0 ], 'verify is content';


# Indexes that are built beside the traffic

fresh('index', pando => { '001_root' => 'SELECT 1' }, big => {
    '001_table' => 'DELETE FROM big.t; ALTER TABLE big.t ADD COLUMN j jsonb',
    '002_index' => "-- no transaction: the table is large\nCREATE UNIQUE INDEX"
        . " CONCURRENTLY IF NOT EXISTS t_n ON big.t (n);\n-- another\nCREATE"
        . " INDEX CONCURRENTLY t_j ON big.t ((j ->> 'a'), (n::text))\n"
        . "WHERE j ? 'a';\nANALYZE big.t;" });

$db->do('CREATE SCHEMA big; CREATE TABLE big.t AS SELECT 1 AS n FROM
    generate_series(1, 2)');
ok !eval { $db->do('CREATE UNIQUE INDEX CONCURRENTLY t_n ON big.t (n)'); 1 },
    'an index fails';
is cell("SELECT indisvalid FROM pg_index WHERE indexrelid =
    'big.t_n'::regclass"), 0, 'and is left invalid';
is((run())[0], 0, 'the step that builds it runs');
is cell("SELECT count(*) FROM pg_index WHERE indisvalid AND indexrelid IN
    ('big.t_n'::regclass, 'big.t_j'::regclass)"), 2, 'and it is valid';

fresh('index2', pando => { '001_root' => 'SELECT 1' }, big => {
    '001_table' => 'CREATE SCHEMA big; CREATE TABLE big.t (n int)' });
run();
put('big/002_index', "-- no transaction\nCREATE INDEX CONCURRENTLY a ON big.t"
    . " (n);\nCREATE INDEX CONCURRENTLY b ON big.t (n);");

for my $n (1 .. 2) {
    my $other = opened($dbs);

    $other->begin_work;
    $other->do('INSERT INTO big.t VALUES (1)');

    my $run = started();

    ok reached("wait_event_type = 'Lock' AND query ~ 'CONCURRENTLY'"),
        'an index waits for a transaction that writes';
    kill 'KILL', $run->{pid};
    ended($run);
    is cell('SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE
        application_name = \'pando migrate\' AND datname = current_database()'),
        1, 'it is killed, and its session too';
    ok gone(), 'which ends';
    $other->commit;
    $other->disconnect;
    is cell("SELECT count(*) FROM pg_index WHERE NOT indisvalid AND
        indrelid = 'big.t'::regclass"), 1, 'an invalid index is left';
}

is((run())[0], 0, 'run again: done');
is cell("SELECT string_agg(relname, ' ' ORDER BY relname) FROM pg_index JOIN
    pg_class ON oid = indexrelid WHERE indisvalid AND
    indrelid = 'big.t'::regclass"), 'a b', 'both are valid';
is cell("SELECT count(*) FROM pando.migrations WHERE domain = 'big'"), 2,
    'and the step is written down';


# A lock that another holds: others are let through, and it is tried again.

fresh('lock', pando => { '001_root' => 'SELECT 1' }, a => {
    '001_alter' => 'ALTER TABLE held.h ADD COLUMN m int' });
$db->do('CREATE SCHEMA held; CREATE TABLE held.h (n int)');
$db->begin_work;
$db->do('SELECT * FROM held.h');

$ENV{PANDO_LOCK_MS} = 100;

{
    local $ENV{PANDO_LOCK_TRIES} = 3;

    like said('up'), qr{sql/a/001_alter\.sql: .* lock timeout, 3 times: something},
        'it gives up after so many times';
}

my $run = started();
my $other = opened($dbs);

ok reached("wait_event_type = 'Lock'"), 'it waits for the lock';
is scalar(@{ $other->selectcol_arrayref('SELECT * FROM held.h') }), 0,
    'a reader behind it comes through';
$db->commit;
like ended($run), qr/001_alter\.sql \d+ ms\n0$/, 'then it has its turn';
$other->disconnect;


# The house's own

my $house = opened(Pando::database() =~ /dbname=(\S+)/);

is_deeply $house->selectcol_arrayref(<<'END'), [], 'nothing is for PUBLIC';
SELECT what || ' ' || (acl).privilege_type
  FROM (SELECT nspname AS what, aclexplode(nspacl) AS acl FROM pg_namespace n
        UNION ALL
        SELECT c.oid::regclass::text, aclexplode(relacl) FROM pg_class c
          JOIN pg_namespace n ON n.oid = relnamespace
        UNION ALL
        SELECT p.oid::regprocedure::text,
               aclexplode(coalesce(proacl, acldefault('f', proowner)))
          FROM pg_proc p JOIN pg_namespace n ON n.oid = pronamespace
         WHERE NOT EXISTS (SELECT FROM pg_depend d WHERE d.objid = p.oid
                                                     AND d.deptype = 'e')
           AND nspname NOT IN ('pg_catalog', 'information_schema')) AS x
 WHERE (acl).grantee = 0
   AND what !~ '^(pg_|public$|information_schema)'
END

$house->disconnect;
$_->disconnect for $db, $admin;
done_testing;


# A database and an sql folder of their own.
sub fresh
{
    my ($what, %domains) = @_;

    $db->disconnect if $db;
    $dbs = "t_migrate_${what}_$$";
    $admin->do("CREATE DATABASE $dbs");
    $db = opened($dbs);
    $sql = "$dir/$what";
    mkdir $sql;

    for my $domain (keys %domains) {
        mkdir "$sql/$domain";
        put("$domain/$_", $domains{$domain}{$_}) for keys %{ $domains{$domain} };
    }
}


sub opened
{
    my ($dbname) = @_;

    return DBI->connect("dbi:Pg:$ENV{PANDO_TEST_PG} dbname=$dbname", '', '',
        { RaiseError => 1, PrintError => 0, PrintWarn => 0,
          AutoInactiveDestroy => 1 });
}


sub put
{
    my ($file, $text) = @_;

    open my $out, '>', "$sql/$file.sql" or die "$sql/$file.sql: $!\n";
    print $out $text;
    close $out or die "$sql/$file.sql: $!\n";
}


sub column { return $db->selectcol_arrayref($_[0]) }
sub cell { return ($db->selectrow_array($_[0]))[0] }


# A run of it: { pid, wait } while what it says is read.
sub started
{
    my (@args) = @_;
    my $pid = open(my $out, '-|') // die "fork: $!\n";

    if (!$pid) {
        open STDERR, '>&', \*STDOUT;
        $ENV{PANDO_SQL} = $sql;
        exec $MIGRATE, "$ENV{PANDO_TEST_PG} dbname=$dbs", @args or _exit(127);
    }

    my $run = { pid => $pid, out => $out, said => '' };

    $run->{wait} = sub {
        my ($pattern) = @_;
        my $until = time + 5 * $Pando::SLOW;

        while ($run->{said} !~ $pattern && time < $until) {
            IO::Select->new($out)->can_read(0.1) or next;
            sysread $out, $run->{said}, 4096, length $run->{said} or last;
        }

        return $run->{said} =~ $pattern;
    };

    return $run;
}


# What it said, and its exit status.
sub ended
{
    my ($run) = @_;

    1 while sysread $run->{out}, $run->{said}, 4096, length $run->{said};
    close $run->{out};
    return $run->{said} . ($? >> 8);
}


sub run
{
    my @lines = split /\n/, ended(started(@_));

    return (pop @lines, @lines);
}


sub said
{
    my ($status, @lines) = run(@_);

    return "$status " . join("\n", @lines, '') =~ s/\n$//r;
}


# Whether the migration's session comes into a state, and whether it ends.
sub reached
{
    my ($state) = @_;

    return Pando->wait_for(sub { sessions("AND $state") }, 10);
}


sub gone
{
    return Pando->wait_for(sub { !sessions('') }, 10);
}


sub sessions
{
    my ($state) = @_;

    return ($admin->selectrow_array("SELECT count(*) FROM pg_stat_activity
        WHERE application_name = 'pando migrate' AND datname = '$dbs'
        $state"))[0];
}
