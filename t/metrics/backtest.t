# When a rule would have fired: over minutes that are written by hand.

use FindBin;
use lib $FindBin::Bin;
use Pando;
use Gauge;
use POSIX qw(strftime);

my $t = Gauge->new(workers => 2);
my $p = $t->{p};
my $TEST = 'POST /alert-rules/test';
my $minute = int(time / 60) - 240;      # the hours before are the test's own
my %slow = (measure => 'slow_ratio', comparison => '>', threshold => 0.5, window_s => 60);

sub at { strftime '%Y-%m-%dT%H:%M:%SZ', gmtime(60 * ($minute + $_[0])) }

# A letter a minute: T is slow, f is fast, a blank nothing.
sub minutes
{
    my ($service, $text, $route) = @_;
    my $n = 0;

    for (split //, $text) {
        my $seconds = 60 * ($minute + $n++) - time;
        $t->history($service, 'GET', $route // '/r', $seconds => $_ eq 'T' ? [ 0, 10 ] : [ 10, 0 ])
            if $_ ne ' ';
    }
}

sub tried
{
    my ($n, %rule) = @_;
    my $r = $t->works($t->post('/alert-rules/test', { %slow, from => at(0), to => at($n), %rule }),
        $TEST, 200);
    is $r->{looks}, $n;
    return $r;
}


# The proofs of the rules, over a history

minutes(a => 'fTTTTfffff');
my $r = tried(10, service => 'a', for_s => 300);
is "$r->{fired} $r->{brief}", '0 1', 'true for 4 minutes of 5: it would not have fired';
$r = tried(10, service => 'a', for_s => 180);
is_deeply $r->{alerts}, [ { labels => { service => 'a' }, value => 1, active_at => at(2),
    fired_at => at(5), resolved_at => at(6) } ], 'of 3: it would, and been over with the next look';

minutes(b => 'TTTTTTTfTfTfTfTfTfTfffffff');
$r = tried(26, service => 'b', for_s => 300, keep_firing_s => 300);
is $r->{fired}, 1, 'flapping each minute, kept for 5: one alert';
is $r->{alerts}[0]{resolved_at}, at(25), 'over when it was well for 5';
is tried(26, service => 'b')->{fired}, 7, 'without, as often as it flaps';


# Windows slide

minutes(c => 'ffffTffff');
is tried(9, service => 'c', window_s => 180, threshold => 0.3)->{alerts}[0]{fired_at}, at(5),
    'one of three minutes';
is tried(9, service => 'c', window_s => 180, threshold => 0.3)->{alerts}[0]{resolved_at}, at(8),
    'until it has left the window';
is tried(9, service => 'c', window_s => 300, threshold => 0.3)->{fired}, 0, 'one of five is none';
is tried(5, service => 'c', window_s => 300, threshold => 0.15, from => at(4), to => at(9))
    ->{fired}, 1, 'what was before the range counts in its windows';


# Burn rates, each its own, and nothing at all

minutes(d => 'ffffffffffTTTTTTffff');
$r = tried(20, service => 'd', kind => 'burn', measure => 'slow_ratio', objective_bp => 9000,
    factor => 2, window_s => 600, short_window_s => 120, comparison => undef, threshold => undef);
is $r->{fired}, 1, 'a budget would have burnt';
is $r->{alerts}[0]{fired_at}, at(13), 'when the long window, too, had three of ten';
is $r->{alerts}[0]{resolved_at}, at(18), 'and not when the short one was well again';

minutes(e => 'TTffff', '/1');
minutes(e => 'ffffTT', '/2');
$r = tried(6, service => 'e', per => 'route');
is_deeply [ map { "$_->{labels}{route} $_->{fired_at}" } @{ $r->{alerts} } ],
    [ '/1 ' . at(1), '/2 ' . at(5) ], 'each route its own';
is $r->{alerts}[1]{resolved_at}, undef, 'one would still fire';
is tried(6, service => 'nobody', measure => 'rate', comparison => '<', threshold => 1)->{fired}, 1,
    'silence would have been heard';
is tried(6, service => 'nobody', per => 'route')->{fired}, 0;
is $t->post('/alert-rules/test', { %slow, service => 'a' })->json->{looks}, 1440,
    'a day unless asked';


# It is what looking finds

my $live = $t->rule(%slow, service => 'f', window_s => 300);
minutes(f => (' ' x 239) . 'T');
ok $t->alert($live, 'firing'), 'a rule fires';
is $t->post('/alert-rules/test', { %slow, service => 'f', window_s => 300, from => at(230) })
    ->json->{fired}, 1, 'and would have';


# What is refused

$t->fails($t->post('/alert-rules/test', { %slow, from => at(9), to => at(9) }), $TEST,
    'range_empty', '/from');
$t->fails($t->post('/alert-rules/test', { %slow, from => at(-2880) }), $TEST, 'range_too_long',
    '/from');
$t->fails($t->post('/alert-rules/test', { %slow, from => at(0), window_s => 259200 }), $TEST,
    'range_too_long', '/from');
$t->fails($t->post('/alert-rules/test', { %slow, threshold => undef }), $TEST,
    'condition_invalid', '/kind');
$t->fails($t->post('/alert-rules/test', { %slow, kind => 'burn' }), $TEST, 'condition_invalid',
    '/kind');
is $t->post('/alert-rules/test', { %slow, @$_ })->{status}, 422, "refused: $_->[0]"
    for [ name => 'x' ], [ measure => 'x' ], [ for_s => -1 ], [ from => 'x' ];
is $t->post('/alert-rules/test', \%slow, token => { scope => 'metrics:write' })->{status}, 403;

$p->sql("INSERT INTO metrics.routes (service, method, route)
    SELECT 'many', 'GET', '/' || n FROM generate_series(1, 300) AS n");
$p->sql("INSERT INTO metrics.minutes (route_id, at, node, counts)
    SELECT id, date_trunc('minute', now(), 'UTC') - interval '5 minutes', 'x', ?::bigint[]
      FROM metrics.routes WHERE service = 'many'", '{' . join(',', 1, (0) x 16) . '}');
$t->fails($t->post('/alert-rules/test', { %slow, service => 'many', per => 'route' }), $TEST,
    'too_many_samples');
is $t->post('/alert-rules/test', { %slow, service => 'many', per => 'route', from => at(120) })
    ->{status}, 200, 'over a shorter time it is answered';

{
    my $owned = Gauge->new(http => "pando_set metrics.operator $Gauge::NOBODY;");
    $t->fails($owned->post('/alert-rules/test', \%slow), $TEST, 'operator_only');
}

$t->all_provoked('metrics_backtest.c');
done_testing;
