# Faults of the database: away, frozen, killed under load, short of
# connections.  What was acknowledged is there, the rest is answered in time,
# and all is well again without a restart.

use Pando;
use Pando::Server;
use Time::HiRes qw(time);

my $pg = Pando::Server->postgres(max_connections => 60, fsync => 'on');
my $p = Pando->new(domains => ['probe'], workers => 2, database => undef,
    conf => undef, start => 0);

$p->configure(database => $pg->conninfo);
$p->start;

my %as = (token => $p->token(scope => 'probe:admin'));
my $path = '/api/v1/probes';
my $n = 0;

sub add { $p->post($path, { name => 'row ' . ++$n }, %as, @_) }

sub well
{
    my ($what) = @_;
    my $since = time;
    my $ok = $p->wait_for(sub {
        my $r = add();
        $r->{status} == 201 && $p->get("$path/" . $r->json->{id}, %as)
            ->{status} == 200;
    }, 10);

    ok $ok, "$what: well again" or diag $p->log;
    return time - $since;
}

# A writer that keeps on until told: what was acknowledged, by name.
sub under_load
{
    my ($name, $do) = @_;
    pipe my $out, my $in;
    my $pid = fork // die "fork: $!\n";

    if (!$pid) {
        close $out;
        my ($on, $i, %seen) = (1, 0);
        local $SIG{TERM} = sub { $on = 0 };

        while ($on && $i < 20000) {
            my @names = map { "$name " . ++$i } 1 .. 8;
            my @r = $p->parallel(map { [ POST => $path, body => { name => $_ },
                                         %as, timeout => 15 ] } @names);
            for (0 .. $#r) {
                my $status = $r[$_]{status} // 0;
                print $in "$status $names[$_]\n";
            }
        }

        close $in;
        require POSIX;
        POSIX::_exit(0);
    }

    close $in;
    $do->();
    kill 'TERM', $pid;
    my @lines = <$out>;
    waitpid $pid, 0;
    chomp @lines;
    return map { [ /^(\d+) (.*)/ ] } @lines;
}

# Until so many more rows are there.
sub more
{
    my ($by) = @_;
    my $count = sub { eval { $p->sql('select count(*) from probe.probes') }
                      // (reconnected() && 0) };
    my $now = $count->();

    $p->wait_for(sub { $count->() >= $now + $by }, 20)
        or die "no progress:\n" . $p->log;
}

sub reconnected { delete $p->{db}; 1 }

sub holds
{
    my ($what, @said) = @_;
    my %there = map { $_->[0] => 1 } $p->sql('select name from probe.probes');
    my @acknowledged = grep { $_->[0] == 201 } @said;
    my %n;

    $n{ $_->[0] }++ for @said;
    note "$what: ", join ', ', map { "$n{$_} x $_" } sort keys %n;

    is scalar(grep { !$there{ $_->[1] } } @acknowledged), 0,
        "$what: nothing acknowledged is lost";
    cmp_ok scalar(@acknowledged), '>', 0, "$what: something was acknowledged";
    is scalar(grep { !($_ == 201 || $_ == 503) } keys %n), 0,
        "$what: every answer is 201 or 503";
    is $p->sql('select count(*) from (select name from probe.probes
                group by name having count(*) > 1) as d'), 0,
        "$what: nothing is there twice";
}


well('to begin with');


# backends terminated under load

my @said = under_load('terminated', sub {
    for (1 .. 20) {
        $p->sql("select pg_terminate_backend(pid) from pg_stat_activity
                  where application_name = 'pando'");
        more(5);
    }
});
holds('terminated', @said);
well('terminated');


# the server restarted under load

@said = under_load('restarted', sub {
    more(50);
    $pg->stop;
    $pg->start;
    more(50);
});
reconnected();
well('restarted');
holds('restarted', @said);


# killed under load

@said = under_load('killed', sub {
    more(50);
    $pg->kill;
    $pg->start;
    more(50);
});
reconnected();
well('killed');
holds('killed', @said);


# away: every answer comes at once

$pg->stop;
reconnected();
$p->wait_for(sub { add()->{status} == 503 }, 5);
my $since = time;
my @r = $p->parallel(map { [ GET => $path, %as ] } 1 .. 50);
is scalar(grep { $_->{status} == 503 } @r), 50, 'away: fifty are told';
is $r[0]->json->{code}, 'unavailable';
is $r[0]->header('Retry-After'), 1;
cmp_ok time - $since, '<', 2 * $Pando::SLOW, 'without waiting';
$pg->start;
well('away');


# frozen: the deadline ends it

$pg->freeze;
$since = time;
@r = $p->parallel(map { [ GET => $path, %as, timeout => 20 ] } 1 .. 20);
is scalar(grep { $_->{status} == 503 } @r), 20, 'frozen: twenty are told';
cmp_ok time - $since, '<', 15 * $Pando::SLOW, 'within the deadline';
$pg->thaw;
cmp_ok well('frozen'), '<', 10 * $Pando::SLOW, 'and recovers by itself';


# too few connections

my @held = map { DBI->connect('dbi:Pg:' . $pg->conninfo, '', '',
    { RaiseError => 0, PrintError => 0 }) // () } 1 .. 70;
@r = $p->parallel(map { [ GET => "$path/waits/transaction?ms=5", %as ] }
    1 .. 40);
is scalar(grep { !($_->{status} == 200 || $_->{status} == 503) } @r), 0,
    'too few connections: served or told to come back';
$_->disconnect for @held;
well('too few connections');


# no flow, no connection and no transaction is left behind

ok $p->wait_for(sub { !$p->sql("select count(*) from pg_stat_activity
    where application_name = 'pando' and state <> 'idle'
      and query not like '%outbox%'") }), 'every connection is idle';
cmp_ok $p->sql("select count(*) from pg_stat_activity
    where application_name = 'pando'"), '<=', 2 * (1 + 8 + 8 + 1),
    'and no more than the pools';

done_testing;
