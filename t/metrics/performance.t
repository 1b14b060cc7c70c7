# From the counters to the history, and what is made of it.

use FindBin;
use lib $FindBin::Bin;
use Pando;
use Gauge;
use POSIX qw(strftime);

my $t = Gauge->new(workers => 2);
my $p = $t->{p};
my $route = 'GET /performance';
my $mine = "service = 'metrics' AND route = '/api/v1/performance'";


# What was asked is what is counted, once, whatever happens to the workers

$t->get('/performance') for 1 .. 40;
ok $p->wait_for(sub { $t->counted('minutes', $mine) == 40 }, 15),
    'requests come into the history';
$p->reload;
$p->kill_worker('KILL');
$t->get('/performance') for 1 .. 10;
ok $p->wait_for(sub { $t->counted('minutes', $mine) == 50 }, 15),
    'those before and after a reload and a death, once'
    or diag $t->counted('minutes', $mine);
is $t->counted($_, $mine), 50, "the same in $_" for qw(hours days);
is $p->sql('SELECT count(DISTINCT life) FROM metrics.lives'), 1,
    'the counting has one life';

$p->stop;
$p->start;
$t->get('/performance') for 1 .. 5;
ok $p->wait_for(sub { $t->counted('minutes', $mine) == 55 }, 15),
    'another start counts from zero, and adds up';
is $p->sql('SELECT count(DISTINCT life) FROM metrics.lives'), 2,
    'in another life';

is $p->get('/nowhere')->{status}, 404;
ok $p->wait_for(sub { $t->counted('minutes', "service = 'nginx'") >= 1 }, 15),
    'what no domain answers is nginx\'s own';


# Totals of a day of long ago: late, twice, or in another order they count once

my $day = strftime '%Y-%m-%d', gmtime(time - 300 * 86400);

sub totals { '{' . join(',', $_[0], (0) x 14, $_[1] // 0, $_[0] * 1000) . '}' }

sub take
{
    my ($at, $n, $node) = @_;

    return $p->sql("SELECT metrics.take(?, 7, ?,
        jsonb_build_array(jsonb_build_array('hand', 'GET', '/hand',
                                            to_jsonb(?::bigint[]))))",
        $node // 'x', $at, totals($n));
}

my $hand = "service = 'hand'";

is take("${day}T10:00:30Z", 100), 1;
is take("${day}T10:00:30Z", 100), 0, 'twice';
is take("${day}T10:01:30Z", 130), 1;
is take("${day}T10:00:45Z", 120), 0, 'late';
is take("${day}T11:59:59Z", 200), 1, 'after an hour';
is take("${day}T11:59:59Z", 5, 'y'), 1, 'another node';
is $t->counted($_, $hand), 205, "$_ hold all of it" for qw(minutes hours days);
is_deeply [ $p->sql("SELECT pando.rfc3339(at), node, metrics.requests(counts)
    FROM metrics.minutes JOIN metrics.routes ON id = route_id WHERE $hand
    ORDER BY 1, 2") ], [
    [ "${day}T10:00:00Z", 'x', 100 ], [ "${day}T10:01:00Z", 'x', 30 ],
    [ "${day}T11:59:00Z", 'x', 70 ], [ "${day}T11:59:00Z", 'y', 5 ] ],
    'each in its minute';


# The report

$t->history('shop', 'GET', '/api/v1/a', -300 => [ 95, 5 ], -240 => [ 95, 5 ]);
$t->history('shop', 'POST', '/api/v1/b', -300 => [ 94, 6, 10 ]);

my $r = $t->works($t->get('/performance?service=shop'), $route, 200);
my ($b, $a) = @{ $r->{data} };

is "$a->{route} $b->{route}", '/api/v1/a /api/v1/b', 'the slowest first';
is $a->{requests}, 200, 'minutes are added up';
is "$a->{breach} $b->{breach}", '0 1', '95 of 100 keep the promise, 94 do not';
is $a->{p95}, 200, 'the quantile at the bound is the bound';
cmp_ok $b->{p95}, '>', 200;
is $b->{errors}, 10;
is $b->{error_ratio}, 0.1;
is $a->{slow_ratio}, 0.05;
cmp_ok abs($a->{saturation} - 31.5 / 3600), '<', 0.0003, 'half a minute of work in an hour';
is $a->{mean}, 157.5;
is $a->{apdex}, 0.975, 'Apdex: half of those between 200 and 800';
is $r->{overall}{requests}, 300;
cmp_ok abs($r->{overall}{p95} - 218.75), '<', 1e-6,
    'the quantile of the sum, which is no mean of quantiles';
is $r->{overall}{slow_ratio}, 0.053333;
is $r->{resolution}, 60;
is $r->{more}, 0;
is $t->get('/performance?service=shop&limit=1')->json->{more}, 1;
is $t->get('/performance?service=shop&method=POST')->json->{data}[0]{route},
    '/api/v1/b';
is scalar @{ $t->get('/performance?route=/api/v1/a')->json->{data} }, 1;

my $none = $t->get('/performance?service=none')->json;
is_deeply [ @{ $none->{overall} }{qw(requests p95 error_ratio breach)} ],
    [ 0, undef, undef, JSON::PP::false ], 'nothing asked breaks nothing';

$r = $t->get('/performance?service=hand&from=' . $day
    . "T10:00:00Z&to=${day}T12:00:00Z")->json;
is $r->{resolution}, 86400, 'what is long ago comes from days';
is $r->{overall}{requests}, 205;


# Questions without an answer

$t->fails($t->get('/performance?from=2999-01-01T00:00:00Z'), $route,
    'range_empty', '/from');
$t->fails($t->get('/performance?from=2026-01-02T00:00:00Z'
    . '&to=2026-01-01T00:00:00Z'), $route, 'range_empty', '/from');
$t->fails($t->get('/performance?from=2000-01-01T00:00:00Z'), $route,
    'range_too_long', '/from');
is $t->get("/performance?$_")->{status}, 422, "refused: $_"
    for qw(from=x limit=0 limit=1001 other=1);
is $p->get('/api/v1/performance')->{status}, 401, 'nobody';
is $t->get('/performance', token => { scope => 'health:read' })->{status},
    403, 'who may do something else';


# What is too old goes, what is not stays

$p->sql("INSERT INTO metrics.minutes (route_id, at, node, counts)
    SELECT id, now() - make_interval(days => d), 'old', ?::bigint[]
      FROM metrics.routes, unnest('{1,3}'::int[]) AS d
     WHERE $hand", totals(1));
$p->reload;
ok $p->wait_for(sub { !$p->sql("SELECT count(*) FROM metrics.minutes
    WHERE at < now() - interval '2 days'") }), 'old minutes go';
is $t->counted('minutes', "$hand AND node = 'old'"), 1, 'others stay';


# Prometheus

my $text = $p->get('/metrics');
is $text->{status}, 200, 'who stands near may scrape';
like $text->{body}, qr/^http_server_request_duration_seconds_bucket\{.*le="0\.2"\}/m,
    'with a bound at the promise';

{
    my $owned = Gauge->new(http => "pando_set metrics.operator $Gauge::NOBODY;");

    $t->fails($owned->get('/performance'), $route, 'operator_only');
}

$t->all_provoked('metrics_performance.c');
done_testing;
