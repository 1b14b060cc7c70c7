# Two nodes and one database: each check runs once in its interval, whichever
# node does it, and goes on when that one stands still.

use FindBin;
use lib $FindBin::Bin;
use Pando;
use Time::HiRes qw(sleep time);
use Ward;

my $t = Ward->new(workers => 2);
my $p = $t->{p};
my $began = time;
my @checks = map { $t->check("c$_", kind => 'module', target => { module => 'health' },
                             interval_s => 5, rise => 1, fall => 1) } 1 .. 20;
my $holder = 'select holder from health.lease';

ok $p->wait_for(sub { $p->sql($holder) }), 'a node has the lease';
my $first = $p->sql($holder);
my $q = Pando->new(workers => 2, redis => undef);

# Seconds between the results of a check, shortest and longest, since a time.
sub gaps
{
    my ($since) = @_;
    my ($row) = $p->sql(q{
        select coalesce(min(gap), 0), coalesce(max(gap), 99), count(distinct id)
        from (select check_id as id, extract(epoch from at - lag(at) over
                     (partition by check_id order by at)) as gap
                from health.results where at > to_timestamp(?)) g where gap is not null}, $since);
    return @$row;
}

sub results
{
    return $p->sql('select count(*) from (select check_id from health.results where at >
        to_timestamp(?) group by 1 having count(*) >= ?) x', @_);
}

ok $p->wait_for(sub { results($began, 5) == 20 }, 60), 'twenty checks of five seconds, five times';
my ($least, $most, $n) = gaps($began);
is $n, 20;
cmp_ok $least, '>', 3.5, "none twice in an interval: $least s to $most s";
cmp_ok $most, '<', 6.5 * $Pando::SLOW, 'none left out';
is $p->sql($holder), $first, 'by the node that came first';
my ($phases) = @{ ($p->sql(q{select count(distinct floor(extract(epoch from at) * 4)::bigint % 20)
    from health.results}))[0] };
cmp_ok $phases, '>=', 8, "spread over the interval: $phases of 20 quarters of a second";


# the node that runs them stands still: the other one goes on

my @frozen = $p->worker_pids;
my $at = time;
kill 'STOP', @frozen;
ok $q->wait_for(sub { $q->sql($holder) ne $first }, 40), 'it stands still: the other takes over';
cmp_ok time - $at, '<', 17 * $Pando::SLOW, 'within its fifteen seconds';
my $second = time;
ok $q->wait_for(sub { results($second, 3) == 20 }, 40), 'and runs them all';

kill 'CONT', @frozen;
my $thawed = time;
ok $p->wait_for(sub { results($thawed, 3) == 20 }, 40), 'it goes on again';
isnt $p->sql($holder), $first, 'without the lease';
($least) = gaps($second);
cmp_ok $least, '>', 3.5, "and none ran twice: $least s";


# a worker dies while checks run: its successor goes on at their places

my $held = $q;
for my $round (1 .. 3) {
    my @pids = $held->worker_pids;
    my @r;

    $held->kill_worker('KILL', $_) for @pids;
    push @r, $held->get('/livez')->{status} for 1 .. 5;
    is "@r", '200 200 200 200 200', "workers killed, round $round: probes answer";
}

my $killed = time;
ok $p->wait_for(sub { results($killed, 3) == 20 }, 60), 'all checks go on';
($least, $most) = gaps($killed);
cmp_ok $least, '>', 3.5, "once in an interval: $least s to $most s";

done_testing;
