# The relay when things break: each event has one effect, and those of one
# subject come in order, whatever dies, restarts or is lost meanwhile.

use Pando;
use Pando::Server;

my $pg = Pando::Server->postgres(max_connections => 200);
my $tenant = $Pando::Token::TENANT;
my %set = (domains => [qw(probe listener)], workers => 2, database => $pg->conninfo,
    server => 'location = /metrics { pando_exposition; }');
my ($p, $q) = map { Pando->new(%set) } 1 .. 2;
my @subjects = map { sprintf '01900000-0000-7000-8000-%012d', $_ } 1 .. 20;
my $told = 0;

# So many more events of each subject, each a transaction of its own, as fast as they go.
sub say_all
{
    my ($n, $meanwhile) = @_;
    my $pid = fork // die "fork: $!\n";

    if (!$pid) {
        my $db = DBI->connect('dbi:Pg:' . $pg->conninfo, '', '',
            { RaiseError => 1, PrintError => 0 });
        for my $i ($told + 1 .. $told + $n) {
            $db->do("SELECT pando.emit(?, 'probe.renamed', 1, ?, jsonb_build_object(
                'name', ?::text))", undef, $tenant, $_, $i) for @subjects;
            $db->do('NOTIFY pando_events') if $i % 5 == 0;
        }
        require POSIX;
        POSIX::_exit(0);
    }

    my $i = 0;
    while (!Pando::ended($pid)) {
        $meanwhile->(++$i);
    }
    waitpid $pid, 0;
    is $?, 0, 'all was told';
    $told += $n;
}

sub count
{
    return scalar $p->sql("SELECT count(*) FROM listener.heard WHERE consumer = 'probes'");
}

# All heard, once, in order.
sub sound
{
    my ($name) = @_;
    my $all = @subjects * $told;

    ok $p->wait_for(sub { count() >= $all && $p->sql("SELECT count(*) FROM listener.heard
        WHERE consumer = 'all'") >= $all }, 60), "$name: all is heard"
        or diag(count() . " of $all");
    is $p->sql('SELECT count(*) - count(DISTINCT (consumer, event)) FROM listener.heard'), 0,
        "$name: nothing twice";
    is $p->sql("SELECT count(*) FROM (SELECT name::int - lag(name::int) OVER (
            PARTITION BY consumer, subject ORDER BY n) AS step FROM listener.heard) AS s
        WHERE step <> 1"), 0, "$name: each subject in order";
    is $p->sql('SELECT count(*) FROM pando.parked'), 0, "$name: nothing is left behind";
}

sub nap { select undef, undef, undef, $_[0] }

sub relays
{
    my ($node) = @_;
    my @n = $node->get('/metrics')->{body} =~ /^pando_consumer_relays\{.*\} (\d+)/mg;
    return grep { $_ } @n;
}


say_all(20, sub { nap(0.05) });
sound('two nodes');
ok $p->wait_for(sub { relays($p) + relays($q) == 2 }, 30), 'one relay for each consumer';

say_all(40, sub {
    my $node = $_[0] % 2 ? $p : $q;
    my @pids = $node->worker_pids;
    $node->kill_worker('KILL', $pids[$_[0] / 2 % @pids]) if @pids;
});
sound('workers killed');

say_all(40, sub { $_->reload for $p, $q });
sound('reloads');

say_all(30, sub {
    $p->sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity
        WHERE application_name = 'pando' ORDER BY random() LIMIT 3");
    nap(0.1);
});
sound('backends terminated');

say_all(20, sub { nap(0.05) });
delete($_->{db})->disconnect for $p;
$pg->kill;
nap(0.5);
$pg->start;
sound('the database killed');

my @lost = $q->worker_pids;
$q->expect(qr/./);
$q->stop('KILL');
kill 'KILL', @lost;
say_all(10, sub { nap(0.05) });
sound('a node is lost');

# A consumer that nobody runs any more holds nothing back for ever.
$p->sql("INSERT INTO pando.readers (name, moved_at) VALUES ('gone', now() - interval '9 days'),
    ('new', now())");
$p->sql("UPDATE pando.outbox SET at = now() - interval '8 days'
    WHERE (xid, seq) IN (SELECT xid, seq FROM pando.outbox ORDER BY xid, seq LIMIT 10)");
require lib;
lib->import("$Pando::ROOT/sql");
require Queries;
my ($purge) = grep { $_->{name} eq 'purge_readers' }
    @{ Queries::domain("$Pando::ROOT/sql", 'pando')->{queries} };
$p->sql(join("\n", @{ $purge->{texts}[0]{sql} }), 7);
is_deeply [ map { $_->[0] } $p->sql("SELECT name FROM pando.readers WHERE name IN
    ('gone', 'new')") ], [ 'new' ], 'a reader that nobody moves is forgotten';

ok $p->wait_for(sub { $p->get('/metrics')->{body} =~ /^pando_flows_running 0$/m }, 30),
    'no flow is left over';

done_testing;
