# The database away: nothing is lost, nothing counts twice, and what this node
# counts is told all the same.

use FindBin;
use lib $FindBin::Bin;
use Pando;
use Pando::Server;
use Gauge;

my $pg = Pando::Server->postgres;
my $t = Gauge->new(database => $pg->conninfo, workers => 2);
my $p = $t->{p};
my $away = "service = 'nginx' AND method = 'DELETE'";

sub asked { $p->delete('/nowhere') for 1 .. $_[0] }
sub kept { my ($n) = @_; $p->wait_for(sub { $t->counted('minutes', $away) == $n }, 30) }

asked(10);
ok kept(10), 'all is well';
delete($p->{db})->disconnect;

$pg->stop('immediate');
asked(30);
is $t->get('/performance')->{status}, 503, 'no history meanwhile';
like $p->get('/metrics')->{body},
    qr/http_server_request_duration_seconds_count\{[^}]*method="DELETE",[^}]*\} 40\n/,
    'but what was counted here is told';

# ticks come and go in vain
ok $p->wait_for(sub { $p->log =~ /metrics\.sample ended early/ }, 20),
    'sampling waits';
asked(20);

$pg->start;
ok kept(60), 'all of it is there afterwards' or diag scalar $t->counted('minutes', $away);
is $t->counted($_, $away), 60, "in $_, too" for qw(hours days);

# answers that are lost on the way: what was written is sent again
for my $round (1 .. 3) {
    asked(5);
    delete($p->{db})->disconnect;
    $pg->kill;
    asked(5);
    $pg->start;
    ok kept(60 + 10 * $round), "killed under it $round: each counts once"
        or diag scalar $t->counted('minutes', $away);
}

$p->kill_worker('KILL');
asked(1);
ok kept(91), 'and after the sampler has died';


# Alerts over it: what nobody looked at neither begins nor ends

# each worker comes back by itself: all have when none fails twenty times
sub back
{
    return $p->wait_for(sub { !grep { $t->get('/alerts')->{status} != 200 } 1 .. 20 }, 30);
}

ok back(), 'all is well again';
$t->history('shop', 'GET', '/r', 0 => [ 10, 90 ]);
my $rule = $t->rule(measure => 'p95', comparison => '>', threshold => 200, service => 'shop',
    for_s => 1, window_s => 3600);
my $before = $t->alert($rule, 'firing');

ok $before, 'an alert fires';

for my $how (qw(stop kill)) {
    delete($p->{db})->disconnect if $p->{db};
    $pg->$how($how eq 'stop' ? 'immediate' : ());
    is $t->get('/alerts')->{status}, 503, "$how: no alerts to be seen";
    is $t->post('/alert-rules', { name => 'x' })->{status}, 422,
        'what is wrong is told all the same';
    $pg->start;
    ok back(), 'they are back';
    ok $t->looked($rule, 2), 'and looked at';
    is_deeply [ map { @$_{qw(state active_at notified_at)} } $t->alerts($rule) ],
        [ @$before{qw(state active_at notified_at)} ], 'it is the one of before';
}

is_deeply [ $t->told($rule) ], [ 'alert.fired' ], 'and told once';

done_testing;
