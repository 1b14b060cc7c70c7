# Dashboards: kept in all their editions, shown in one reply; annotations.

use FindBin;
use lib $FindBin::Bin;
use Pando;
use Gauge;
use POSIX qw(strftime);
use Time::HiRes ();

my $t = Gauge->new(workers => 2);
my $p = $t->{p};
my ($LIST, $POST) = map { "$_ /metric-dashboards" } qw(GET POST);
my ($GET, $PATCH, $DELETE) = map { "$_ /metric-dashboards/{id}" } qw(GET PATCH DELETE);
my ($DATA, $WAS) = map { "GET /metric-dashboards/{id}/$_" } qw(data versions);
my ($NOTES, $NOTE) = map { "$_ /metric-annotations" } qw(GET POST);
my @panels = ({ title => 'p95', measure => 'p95' },
    { title => 'all', measure => 'requests', kind => 'number', service => 'shop' },
    { title => 'worst', measure => 'p95', kind => 'table', per => 'route', service => 'shop',
      top => 2 },
    { title => 'rate', measure => 'rate', kind => 'bar', per => 'service', width => 12 },
    { title => 'apdex', measure => 'apdex', kind => 'table', per => 'route', service => 'shop' });

sub at { strftime '%Y-%m-%dT%H:%M:%SZ', gmtime($_[0]) }


# added

my $r = $t->works($t->post('/metric-dashboards', { slug => 'shop', title => 'Shop',
    panels => \@panels }), $POST, 201);
my $one = "/metric-dashboards/$r->{id}";

is_deeply $r->{panels}[0], { title => 'p95', measure => 'p95', kind => 'line', per => 'all',
    top => 8, width => 6, service => undef, method => undef, route => undef },
    'a panel with all that it did not say';
is $r->{range_s}, 3600;
is_deeply $t->works($t->get($one), $GET, 200), $r;
$t->fails($t->post('/metric-dashboards', { slug => 'shop', title => 'x', panels => [] }), $POST,
    'dashboard_slug_taken', '/slug');
is $t->post('/metric-dashboards', { slug => 'shop', title => 'x', panels => [] },
    token => $Gauge::OTHER)->{status}, 201, 'another tenant may';
my $empty = $t->post('/metric-dashboards', { slug => 'none', title => 'x', folder => 'f',
    panels => [], range_s => 300 })->json;

is $t->post('/metric-dashboards', { slug => 'x', title => 'x', panels => [], @$_ })->{status}, 422,
    "refused: $_->[0]"
    for [ slug => 'No Slug' ], [ title => '' ], [ range_s => 299 ], [ range_s => 34560001 ],
        [ panels => undef ], [ panels => [ ({ title => 'x', measure => 'p50' }) x 25 ] ],
        [ panels => [ { title => 'x' } ] ], [ panels => [ { title => 'x', measure => 'p42' } ] ],
        [ panels => [ { title => 'x', measure => 'p50', top => 51 } ] ],
        [ panels => [ { title => 'x', measure => 'p50', sql => 'x' } ] ],
        [ panels => [ { title => 'x', measure => 'p50', kind => 'pie' } ] ],
        [ folder => '' ], [ version => 3 ];


# shown

my $now = time;
$now = time while $now % 60 > 50 && sleep 1;    # the test is of one minute
$t->history('shop', 'GET', '/a', -600 => [ 95, 5 ], -300 => [ 90, 10 ]);
$t->history('shop', 'GET', '/b', -600 => [ 50, 50 ]);
$t->history('shop', 'POST', '/c', -600 => [ 0, 100 ]);

$r = $t->works($t->get("$one/data"), $DATA, 200);
is $r->{resolution}, 60;
is_deeply [ map { $_->{title} } @{ $r->{panels} } ], [ map { $_->{title} } @panels ],
    'all panels in their order';

my ($p95, $all, $worst, $rate, $apdex) = @{ $r->{panels} };

is $p95->{step_s}, 60;
is scalar @{ $p95->{series} }, 1;
cmp_ok abs(@{ $p95->{series}[0]{points} } - 61), '<=', 1, 'an hour in minutes';
my %point = map { @$_ } @{ $p95->{series}[0]{points} };
my $then = $now - 1800;
is $point{$then - $then % 60}, undef, 'where nothing was asked there is no quantile';
is_deeply $all, { title => 'all', kind => 'number', measure => 'requests', step_s => 0, more => 0,
    series => [ { labels => {}, value => 400, points => [] } ] }, 'a number';
is_deeply [ map { $_->{labels}{route} } @{ $worst->{series} } ], [ '/c', '/b' ], 'the worst two';
is_deeply $worst->{series}[0]{labels}, { service => 'shop', method => 'POST', route => '/c' };
is $worst->{more}, 1, 'and how many are left out';
my ($shop) = grep { $_->{labels}{service} eq 'shop' } @{ $rate->{series} };
my $sum = 0;
$sum += $_->[1] * 60 for @{ $shop->{points} };
cmp_ok abs($sum - 400), '<', 0.1, 'what was a rate in each minute adds up to all of it';
is_deeply [ map { $_->{labels}{route} } @{ $apdex->{series} } ], [ '/c', '/b', '/a' ],
    'of Apdex the least first';

$r = $t->get("$one/data?from=" . at($now - 420) . '&to=' . at($now + 60))->json;
is $r->{panels}[1]{series}[0]{value}, 100, 'of that range';
cmp_ok $r->{panels}[0]{series}[0]{points}[-1][0], '<=', time, 'nothing is drawn of what is to come';
is $t->get("$one/data?from=" . at($now - 300 * 86400))->json->{resolution}, 86400;
is_deeply $t->works($t->get("/metric-dashboards/$empty->{id}/data"), $DATA, 200)->{panels}, [],
    'nothing to show';
$t->fails($t->get("$one/data?from=" . at($now + 600)), $DATA, 'range_empty', '/from');
$t->fails($t->get("$one/data?from=2000-01-01T00:00:00Z"), $DATA, 'range_too_long', '/from');
$t->fails($t->get("/metric-dashboards/$Gauge::NOBODY/data"), $DATA, 'not_found');


# annotated

my $note = $t->works($t->post('/metric-annotations', { text => 'shop 2.4.1', tags => ['deploy'],
    at => at($now - 600) }), $NOTE, 201);
is $note->{at}, at($now - 600);
my $long = $t->post('/metric-annotations', { text => 'outage', tags => [ 'incident', 'db' ],
    at => at($now - 7200), until => at($now - 3000) })->json;
my $here = $t->post('/metric-annotations', { text => 'now' })->json;
is_deeply $here->{tags}, [];
cmp_ok substr($here->{at}, 0, 19), 'ge', substr(at($now), 0, 19), 'without a time it is now';

is_deeply [ map { $_->{id} } @{ $t->get("$one/data?from=" . at($now - 3600) . '&to='
    . at($now - 60))->json->{annotations} } ], [ $long->{id}, $note->{id} ],
    'a dashboard shows those of its range';
$r = $t->works($t->get('/metric-annotations'), $NOTES, 200);
is_deeply [ map { $_->{text} } @{ $r->{data} } ], [ 'now', 'shop 2.4.1', 'outage' ],
    'the latest first';
is_deeply [ map { $_->{text} } @{ $t->get('/metric-annotations?tag=db')->json->{data} } ],
    [ 'outage' ];
is_deeply [ map { $_->{text} } @{ $t->get('/metric-annotations?from=' . at($now - 3600) . '&to='
    . at($now - 60))->json->{data} } ], [ 'shop 2.4.1', 'outage' ];
$t->fails($t->post('/metric-annotations', { text => 'x', at => at($now), until => at($now) }),
    $NOTE, 'until_before_at', '/until');
is $t->post('/metric-annotations', { text => 'x', @$_ })->{status}, 422, "refused: $_->[0]"
    for [ text => '' ], [ tags => [ 'a', 'a' ] ], [ tags => [ 'No Key' ] ], [ at => 'x' ],
        [ tags => [ map { "t$_" } 1 .. 17 ] ], [ author => 'x' ];


# what other domains do is annotated by itself, once

sub emits
{
    my ($tenant, $type, $data) = @_;
    $p->sql('SELECT pando.emit(?, ?, 1, NULL, ?, ?)', $tenant, $type,
        JSON::PP::encode_json($data), $Gauge::NOBODY);
}

my $ours = $Pando::Token::TENANT;
emits($ours, 'setting.changed', { key => 'orders.max', text => "a 'quoted' word" });
emits($ours, 'order.created', { name => 'no' });
emits(undef, 'circuit.opened', { upstream => 'nobody knows whose' });
emits($Pando::Token::OTHER, 'backup.completed', {});
emits($ours, 'gateway_revision.activated', { revision => 12 });
emits($ours, 'backup.failed', { name => 'x' x 2000 });

sub noted { map { $_->[0] } $p->sql('SELECT left(text, 40) FROM metrics.annotations
    WHERE source IS NOT NULL ORDER BY text') }

ok $p->wait_for(sub { noted() >= 4 }), 'events are noted';
$p->reload;
emits($ours, 'circuit.opened', { upstream => 'mail' });
ok $p->wait_for(sub { noted() >= 5 }), 'those after a reload, too';
is_deeply [ noted() ], [ 'backup.completed', 'backup.failed ' . 'x' x 26, 'circuit.opened mail',
    'gateway_revision.activated 12', 'setting.changed orders.max' ], 'each once, and no others';
$note = $t->get('/metric-annotations?tag=circuit')->json->{data}[0];
is_deeply [ @$note{qw(source author tags)} ], [ 'circuit.opened', $Gauge::NOBODY, ['circuit'] ];
$p->sql('DELETE FROM metrics.annotations WHERE source IS NOT NULL');


# changed, and what it was

$r = $t->works($t->patch($one, { title => 'The shop', folder => 'shops' }, 'If-Match' => '"v1"'),
    $PATCH, 200);
is_deeply [ @$r{qw(title folder version)} ], [ 'The shop', 'shops', 2 ];
is scalar @{ $r->{panels} }, 5, 'what is not said stays';
$r = $t->patch($one, { panels => [ $panels[0] ], folder => undef, range_s => 600 })->json;
is_deeply [ scalar @{ $r->{panels} }, @$r{qw(folder range_s)} ], [ 1, undef, 600 ];
$t->fails($t->patch($one, { title => 'x' }, 'If-Match' => '"v1"'), $PATCH, 'precondition_failed');
$t->fails($t->patch($one, { slug => 'none' }), $PATCH, 'dashboard_slug_taken', '/slug');
$t->fails($t->patch("/metric-dashboards/$Gauge::NOBODY", {}), $PATCH, 'not_found');

my $was = $t->works($t->get("$one/versions"), $WAS, 200)->{data};
is_deeply [ map { $_->{version} } @$was ], [ 3, 2, 1 ], 'all of them';
is_deeply $was->[0], $r, 'as it is';
is $was->[2]{title}, 'Shop', 'and as it was';
is_deeply $t->patch($one, { panels => $was->[2]{panels} })->json->{panels}, $was->[2]{panels},
    'from which it can be again';
$p->sql('UPDATE metrics.dashboards SET version = version + 1 WHERE slug = ?', 'none') for 1 .. 120;
is scalar $p->sql('SELECT count(*) FROM metrics.dashboard_versions WHERE dashboard_id = ?',
    $empty->{id}), 100, 'no more than a hundred are kept';

is_deeply [ map { $_->{slug} } @{ $t->works($t->get('/metric-dashboards'), $LIST, 200)->{data} } ],
    [ qw(none shop) ];
is_deeply [ map { $_->{slug} } @{ $t->get('/metric-dashboards?folder=f')->json->{data} } ],
    [ 'none' ];


# two that know the same edition: one is told that it is another now

my ($won, $lost) = (0, 0);
my $v = $t->get($one)->json->{version};

for my $round (1 .. 5) {
    for (map { $t->patch($one, { title => "$round $_" }, 'If-Match' => qq("v$v")) } 1 .. 2) {
        $won++ if $_->{status} == 200;
        $lost++ if $_->{status} == 412;
    }
    $v++;
}
is "$won $lost", '5 5', 'of two that know the same edition one wins';


# too much for one answer

$p->sql("INSERT INTO metrics.routes (service, method, route)
    SELECT 'many', 'GET', '/' || n FROM generate_series(1, 1100) AS n");
$p->sql("INSERT INTO metrics.minutes (route_id, at, node, counts)
    SELECT id, date_trunc('minute', now(), 'UTC') - make_interval(mins => m), 'x', ?::bigint[]
      FROM metrics.routes, generate_series(1, 58) AS m WHERE service = 'many'",
    '{' . join(',', 1, (0) x 16) . '}');
my $many = $t->post('/metric-dashboards', { slug => 'many', title => 'x', panels => [
    { title => 'x', measure => 'requests', per => 'route' } ] })->json;
my $begin = Time::HiRes::time;
$t->fails($t->get("/metric-dashboards/$many->{id}/data"), $DATA, 'too_many_samples');
cmp_ok Time::HiRes::time - $begin, '<', 5 * $Pando::SLOW, 'it is said soon';
is $t->get("/metric-dashboards/$many->{id}/data?from=" . at(time - 1200))->{status}, 200,
    'of a shorter range there are fewer';


# whose they are, and the end

my %theirs = (token => $Gauge::OTHER);
$t->fails($t->get($one, %theirs), $GET, 'not_found');
$t->fails($t->get("$one/data", %theirs), $DATA, 'not_found');
$t->fails($t->patch($one, {}, %theirs), $PATCH, 'not_found');
$t->fails($t->delete($one, %theirs), $DELETE, 'not_found');
$t->fails($t->get("$one/versions", %theirs), $WAS, 'not_found');
is_deeply $t->get('/metric-annotations', %theirs)->json->{data}, [], 'nothing is noted';
$t->fails($t->delete($one, 'If-Match' => '"v1"'), $DELETE, 'precondition_failed');
is $t->works($t->delete($one), $DELETE, 204), undef;
$t->fails($t->get("$one/versions"), $WAS, 'not_found');
is $p->sql('SELECT count(*) FROM metrics.dashboard_versions WHERE dashboard_id = ?',
    $one =~ s{.*/}{}r), 0, 'its editions go with it';

$p->sql("UPDATE metrics.annotations SET at = now() - interval '401 days', until = NULL
    WHERE id = ?", $long->{id});
$p->reload;
ok $p->wait_for(sub { !$p->sql("SELECT count(*) FROM metrics.annotations
    WHERE at < now() - interval '400 days'") }), 'annotations grow old';

{
    my $owned = Gauge->new(http => "pando_set metrics.operator $Gauge::NOBODY;");
    my $any = "/metric-dashboards/$Gauge::NOBODY";
    my %body = (slug => 'x', title => 'x', panels => []);

    $t->fails($owned->get('/metric-dashboards'), $LIST, 'operator_only');
    $t->fails($owned->post('/metric-dashboards', \%body), $POST, 'operator_only');
    $t->fails($owned->get($any), $GET, 'operator_only');
    $t->fails($owned->patch($any, {}), $PATCH, 'operator_only');
    $t->fails($owned->delete($any), $DELETE, 'operator_only');
    $t->fails($owned->get("$any/data"), $DATA, 'operator_only');
    $t->fails($owned->get("$any/versions"), $WAS, 'operator_only');
    $t->fails($owned->get('/metric-annotations'), $NOTES, 'operator_only');
    $t->fails($owned->post('/metric-annotations', { text => 'x' }), $NOTE, 'operator_only');
}

$t->all_provoked(map { "metrics_$_.c" } qw(dashboards panels annotations));
done_testing;
