# The database stopped, frozen and killed: probes answer at once all the while,
# the status page is there from before, checks go on, and what they found is
# written afterwards without a gap.

use FindBin;
use lib $FindBin::Bin;
use List::Util qw(max);
use Pando;
use Pando::Server;
use Time::HiRes qw(sleep time);
use Ward;

my $pg = Pando::Server->postgres;
my $t = Ward->new(database => $pg->conninfo, workers => 2);
my $p = $t->{p};
my @pids;

$p->wait_for(sub { @pids = $p->worker_pids; @pids == 2 });
my $began = time;
my @checks = map { $t->check("c$_", kind => 'module', target => { module => 'health' },
                             interval_s => 5, rise => 1, fall => 1) } 1 .. 10;
my $db = $t->check('database', interval_s => 5, rise => 1, fall => 1, timeout_ms => 500);

sub gaps
{
    return @{ ($p->sql(q{select min(gap), max(gap), count(distinct id) from (select check_id as id,
        extract(epoch from at - lag(at) over (partition by check_id order by at)) as gap
        from health.results where at > to_timestamp(?)) g where gap is not null}, $began))[0] };
}

sub last_of { scalar $p->sql('select min(m) from (select extract(epoch from max(at)) as m
    from health.results group by check_id) x') }

# The worst that a probe took within so many seconds, and what else they said.
sub probed
{
    my ($seconds) = @_;
    my ($worst, $until) = (0, time + $seconds);
    my %said;

    while (time < $until) {
        for my $path (qw(/livez /readyz /startupz)) {
            my $at = time;
            my $r = $p->get($path, timeout => 10);
            $worst = max $worst, time - $at;
            $said{"$path $r->{status}"}++;
        }
        sleep 0.02;
    }

    return ($worst, join ', ', sort keys %said);
}

sub calm
{
    my ($what, $seconds) = @_;
    my ($worst, $said) = probed($seconds);

    is $said, '/livez 200, /readyz 200, /startupz 200', "$what: the probes answer";
    cmp_ok $worst, '<', 0.5 * $Pando::SLOW, sprintf '%s: within %.0f ms', $what, 1000 * $worst;
}

sub whole
{
    my ($what) = @_;
    my $now = time;

    ok $p->wait_for(sub { eval { last_of() > $now } }, 40), "$what: results come again";
    my ($least, $most, $n) = gaps();
    is $n, 11;
    cmp_ok $most, '<', 7 * $Pando::SLOW, "$what: none is missing ($most s at most)";
    cmp_ok $least, '>', 2, "$what: nor there twice";
}

ok $p->wait_for(sub { $p->sql('select count(*) from health.results') >= 22 }, 30), 'checks run';
is $t->public('/status')->{status}, 200;
delete($p->{db})->disconnect;


# stopped

$pg->stop('immediate');
calm('stopped', 12);
is $t->public('/status')->{status}, 200, 'the status page is there from before';
is $t->get('/incidents')->{status}, 503, 'what needs the database says so';
my $r = $t->post('/incidents', { title => 'x', impact => 'minor', components => ['c1'],
    message => 'y' });
is $r->{status}, 503;
ok $r->header('Retry-After'), 'and when to ask again';
$pg->start;
whole('stopped');
is $p->sql('select count(*) from health.incidents'), 0;
my @failed = $p->sql("select detail from health.results where check_id = ? and outcome = 'fail'",
                     $db);
cmp_ok scalar @failed, '>=', 1, 'what the check of the database found is kept, too';
is_deeply { map { $_->[0] => 1 } @failed }, { 'the database does not answer' => 1 };


# frozen

delete($p->{db})->disconnect;
$pg->freeze;
calm('frozen', 12);
$pg->thaw;
whole('frozen');


# killed, again and again

for (1 .. 3) {
    delete($p->{db})->disconnect if $p->{db};
    $pg->kill;
    calm("killed, round $_", 2);
    $pg->start;
    calm("started, round $_", 2);
}

whole('killed');
is_deeply [ $p->worker_pids ], \@pids, 'by the same workers';

done_testing;
