# Two nodes and one database: each check runs once in its interval, on the node
# to which it falls, and goes on elsewhere when that one stands still.  What a
# node needs itself is looked at by each of them.

use FindBin;
use lib $FindBin::Bin;
use Pando;
use Time::HiRes qw(sleep time);
use Ward;

my $t = Ward->new(workers => 2, http => 'pando_set health.node first;');
my $p = $t->{p};
my $began = time;
my %five = (interval_s => 5, rise => 1, fall => 1);
my %queue = (%five, kind => 'queue', target => { age_warn_s => 3600 });
my @checks = map { $t->check("c$_", %queue) } 1 .. 20;
my $dealt = 'array[' . join(', ', map { "'$_'::uuid" } @checks) . ']';

# Seconds between the results of a check, shortest and longest, since a time.
sub gaps
{
    my ($since) = @_;
    my ($row) = $p->sql(qq{
        select coalesce(min(gap), 0), coalesce(max(gap), 99), count(distinct id)
        from (select check_id as id, extract(epoch from at - lag(at) over
                     (partition by check_id order by at)) as gap
                from health.results where at > to_timestamp(?) and check_id = any ($dealt)) g
        where gap is not null}, $since);
    return @$row;
}

# How many of them have so many results since then.
sub results
{
    my ($since, $many) = @_;
    return $p->sql(qq{select count(*) from (select check_id from health.results
        where at > to_timestamp(?) and check_id = any ($dealt)
        group by 1 having count(*) >= ?) x}, $since, $many);
}

# Node => how many checks it has looked at since then.
sub shares
{
    return map { @$_ } $p->sql(qq{select node, count(distinct check_id) from health.results
        where at > to_timestamp(?) and check_id = any ($dealt) group by 1}, $_[0]);
}

sub node { scalar $p->sql('select id from health.nodes where name = ?', $_[0]) }

ok $p->wait_for(sub { results($began, 4) == 20 }, 60), 'twenty checks of five seconds, four times';
my ($least, $most, $n) = gaps($began);
is $n, 20;
cmp_ok $least, '>', 3.5, "none twice in an interval: $least s to $most s";
cmp_ok $most, '<', 6.5 * $Pando::SLOW, 'none left out';
my $first = node('first');
is_deeply [ keys %{ { shares($began) } } ], [$first], 'by the one node there is';
my ($phases) = @{ ($p->sql(q{select count(distinct floor(extract(epoch from at) * 4)::bigint % 20)
    from health.results}))[0] };
cmp_ok $phases, '>=', 8, "spread over the interval: $phases of 20 quarters of a second";


# another one comes

my $q = Pando->new(workers => 2, redis => undef, http => 'pando_set health.node second;');
my $own = $t->check('own', %five, kind => 'module', target => { module => 'health' });
my $both = $t->check('both', %queue, locations => 2);

ok $p->wait_for(sub { (() = shares(time - 4)) == 4 }, 60), 'the second node has a share';
my $second = node('second');
my $shared = time;
ok $p->wait_for(sub { results($shared, 3) == 20 }, 60), 'all run on';
my %share = shares($shared);
is $share{$first} + $share{$second}, 20, "each on one node: $share{$first} and $share{$second}";
($least) = gaps($began);
cmp_ok $least, '>', 3.5, "none ran twice while they were dealt anew: $least s";

sub seen_by { scalar $p->sql('select count(distinct node) from health.results
    where check_id = ? and at > to_timestamp(?)', $_[0], $shared) }

ok $p->wait_for(sub { seen_by($own) == 2 }, 30), 'what a node needs itself is looked at by each';
ok $p->wait_for(sub { seen_by($both) == 2 }, 30), 'and what has two locations by two';


# one stands still: the other one goes on

my @frozen = $p->worker_pids;
kill 'STOP', @frozen;
ok $q->wait_for(sub { my %now = shares(time - 3); !$now{$first} && results(time - 7, 1) == 20 },
                60), 'it stands still: the other looks at all';
my $alone = time;
ok $q->wait_for(sub { results($alone, 3) == 20 }, 60), 'and goes on with them';

kill 'CONT', @frozen;
my $thawed = time;
ok $p->wait_for(sub { my %now = shares(time - 4); $now{$first} }, 60), 'it goes on again';
ok $p->wait_for(sub { results($thawed, 3) == 20 }, 60), 'all of them run';
($least) = gaps($alone);
cmp_ok $least, '>', 3.5, "and none ran twice: $least s";


# a worker dies while checks run: its successor goes on at their places

for my $round (1 .. 3) {
    my @pids = $q->worker_pids;
    my @r;

    $q->kill_worker('KILL', $_) for @pids;
    push @r, $q->get('/livez')->{status} for 1 .. 5;
    is "@r", '200 200 200 200 200', "workers killed, round $round: probes answer";
}

my $killed = time;
ok $p->wait_for(sub { results($killed, 3) == 20 }, 60), 'all checks go on';
($least, $most) = gaps($killed);
cmp_ok $least, '>', 3.5, "once in an interval: $least s to $most s";


# what several nodes see is as most of them say

my @third = map { sprintf '0190a1b2-0000-7000-8000-0000000000%02d', $_ } 1 .. 3;

sub seen
{
    my ($check, @states) = @_;
    $p->sql(q{select health.record(?, array[?::uuid], array[?::bigint], array[?], array[3::bigint],
        array['said'], array[?], array[0::bigint])}, $third[$_], $check,
        int(1e6 * time), $states[$_], $states[$_]) for 0 .. $#states;
    return scalar $p->sql('select state from health.checks where id = ?', $check);
}

my %vote = (%queue, interval_s => 86400, locations => 3);
my $voted = $t->check('voted', %vote);
my $local = $t->check('local', interval_s => 86400);

for ([ 'pass pass pass', 'pass', 'pass' ], [ 'fail pass pass', 'pass', 'warn' ],
     [ 'fail fail pass', 'fail', 'fail' ], [ 'fail pass unknown', 'warn', 'warn' ],
     [ 'warn warn pass', 'warn', 'warn' ], [ 'unknown unknown unknown', 'unknown', 'unknown' ],
     [ 'fail unknown unknown', 'fail', 'fail' ])
{
    my ($said, @want) = @$_;
    is_deeply [ map { seen($_, split ' ', $said) } $voted, $local ], \@want,
        "$said: $want[0], of what each needs $want[1]";
}

$t->fails($t->post('/health-checks', { name => 'x', component => 'x', %queue, locations => 10 }),
          'POST /health-checks', 'invalid', '/locations');

done_testing;
