# Where nothing happens nobody looks for events; and where something happened
# of which nobody could tell, it is heard all the same.

use Pando;
use Pando::Server;

my $pg = Pando::Server->postgres;
my $tenant = $Pando::Token::TENANT;
my $subject = '01900000-0000-7000-8000-000000000001';
my $p = Pando->new(domains => [qw(probe listener)], workers => 2, start => 0,
    database => $pg->conninfo, server => 'location = /metrics { pando_exposition; }');
my $conf = $p->default_conf =~ s/(pando_database [^;]+);/$1 timeout=300ms;/r;

$p->configure(conf => $conf);
$p->start;

sub reads
{
    my ($n) = $p->get('/metrics')->{body}
        =~ /^pando_consumer_reads_total\{consumer="listener\.all"\} (\d+)/m;
    return $n // 0;
}

# When desks last asked who is there.
sub looks
{
    return map { $_->[0] } $p->sql("SELECT query_start FROM pg_stat_activity
        WHERE application_name = 'pando' AND query LIKE '%pg_locks%' ORDER BY pid");
}

sub heard
{
    my ($name) = @_;
    return scalar $p->sql("SELECT count(*) FROM listener.heard
        WHERE consumer = 'all' AND name = ?", $name);
}

# Quiet is when a worker's desk has looked after the others twice, and
# no relay has looked for events meanwhile.
sub quiet
{
    my ($reads, $last, $n) = (-1, '', 0);

    return $p->wait_for(sub {
        my ($look) = looks();
        my $now = reads();

        if ($now != $reads) {
            ($reads, $n) = ($now, 0);
        } elsif (($look // '') ne $last) {
            $n++;
        }

        $last = $look // '';
        return $n > 2;
    }, 60);
}

sub emit
{
    my ($name) = @_;
    $p->sql("SELECT pando.emit(?, 'probe.renamed', 1, ?, jsonb_build_object('name', ?::text))",
        $tenant, $subject, $name);
}


ok quiet(), 'it gets quiet';

emit('psql');
ok $p->wait_for(sub { heard('psql') }, 30), 'what another program emits is heard';

# A worker is killed while its statement runs, which commits later.
$p->sql("CREATE FUNCTION public.linger() RETURNS trigger LANGUAGE plpgsql AS \$\$
    BEGIN PERFORM pg_sleep(0.25); RETURN NEW; END \$\$");
$p->sql("CREATE TRIGGER linger AFTER INSERT ON probe.probes FOR EACH ROW
    WHEN (NEW.name LIKE 'orphan%') EXECUTE FUNCTION public.linger()");
for my $round (1 .. 2) {
    my $pid = fork // die "fork: $!\n";

    if (!$pid) {
        $p->post('/api/v1/probes', { name => "orphan $round" },
            token => { scope => 'probe:admin' });
        require POSIX;
        POSIX::_exit(0);
    }

    ok $p->wait_for(sub { $p->sql("SELECT count(*) FROM pg_stat_activity
        WHERE wait_event = 'PgSleep'") }, 30), 'a statement runs';
    $p->kill_worker('KILL', $_) for $p->worker_pids;
    waitpid $pid, 0;
    ok $p->wait_for(sub { $p->sql('SELECT count(*) FROM probe.probes WHERE name = ?',
        "orphan $round") }, 30), 'it commits, though nobody waits for it';
    ok $p->wait_for(sub { heard("orphan $round") }, 30), 'and its event is heard';
}

# The connections that listen are cut while others emit.
for my $i (1 .. 20) {
    $p->sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid()
        AND (query LIKE '%pg_locks%' OR query LIKE 'NOTIFY%')") if $i % 4 == 0;
    emit("cut $i");
}

ok $p->wait_for(sub { $p->sql("SELECT count(*) FROM listener.heard WHERE consumer = 'all'
    AND name LIKE 'cut %'") == 20 }, 30), 'nothing is missed by who could not listen';
ok quiet(), 'and it gets quiet';

done_testing;
