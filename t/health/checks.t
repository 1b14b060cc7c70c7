# Checks: adding, changing and removing them; running; what they found.

use Pando;

my $p = Pando->new(workers => 2, redis => undef,
    http => "pando_set health.disks '/ /tmp';");
my %admin = (token => { scope => 'health:admin' });
my %reads = (token => { scope => 'health:read' });
my $path = '/api/v1/health-checks';
my %disk = (name => 'disk', component => 'storage', kind => 'disk', target => { path => '/' });

sub trips { (($_[0]->header('Server-Timing') // '') =~ /desc="(\d+)"/)[0] // 0 }
sub code { ($_[0]->json // {})->{code} // $_[0]->{status} }


# added

my $r = $p->post($path, { %disk, interval_s => 5, fall => 1, rise => 1 }, %admin);
is $r->{status}, 201, 'a check is added';
my $check = $r->json;
is $check->{criticality}, 'important', 'with what it did not say';
is $check->{timeout_ms}, 2000;
is $check->{state}, 'unknown', 'nothing is known of it yet';
is_deeply $check->{target}, { path => '/' };
my $one = "$path/$check->{id}";
is $p->get($one, %reads)->json->{name}, 'disk';

$r = $p->post($path, \%disk, %admin);
is code($r), 'check_name_taken';
is $r->{status}, 409;
is $p->post($path, \%disk, token => { scope => 'health:admin',
    tid => '0190a1b2-0000-7000-8000-00000000000b' })->{status}, 201, 'another tenant may';

for ([ interval_below_timeout => interval_s => 5, timeout_ms => 5001 ],
     [ target_invalid => target => {} ],
     [ target_invalid => target => { path => '/', module => 'health' } ],
     [ target_invalid => target => { path => '/', warn_percent => 90, fail_percent => 80 } ],
     [ target_invalid => kind => 'postgres', target => { path => '/' } ],
     [ target_invalid => kind => 'module', target => {} ],
     [ target_not_allowed => target => { path => '/etc' } ],
     [ target_not_allowed => target => { path => '/tm' } ],
     [ target_not_allowed => target => { path => '/ /tmp' } ],
     [ target_not_allowed => kind => 'module', target => { module => 'hats' } ])
{
    my ($code, %more) = @$_;
    $r = $p->post($path, { %disk, name => 'x', %more }, %admin);
    is "$r->{status} " . code($r), "422 $code", join ' ', map { ref $more{$_}
        ? %{ $more{$_} } : "$_ $more{$_}" } sort keys %more;
}

for ([ interval_s => 4 ], [ interval_s => 86401 ], [ timeout_ms => 49 ], [ timeout_ms => 60001 ],
     [ rise => 0 ], [ fall => 21 ], [ kind => 'http' ], [ criticality => 'some' ], [ name => '' ],
     [ name => 'x' x 81 ], [ component => 'No Slug' ], [ runbook_url => 'javascript:1' ],
     [ target => { path => '/', host => 'x' } ], [ tenant_id => $check->{id} ], [ enabled => 1 ])
{
    is $p->post($path, { %disk, name => 'x', @$_ }, %admin)->{status}, 422, "no $_->[0] $_->[1]";
}

is $p->post($path, \%disk, %reads)->{status}, 403;
is $p->post($path, \%disk)->{status}, 401;
is $p->get($path)->{status}, 401;


# changed

$r = $p->patch($one, { target => { warn_percent => 90 }, runbook_url => 'https://x.example/y' },
    %admin, 'If-Match' => '"v1"');
is $r->{status}, 200;
is_deeply $r->json->{target}, { path => '/', warn_percent => 90 }, 'a merge patch of the target';
is $r->json->{version}, 2;
is code($p->patch($one, { fall => 2 }, %admin, 'If-Match' => '"v1"')), 'precondition_failed';
is code($p->patch($one, { target => { warn_percent => 99, fail_percent => 98 } }, %admin)),
    'target_invalid', 'what comes of it is checked';
is code($p->patch($one, { target => { path => '/etc' } }, %admin)), 'target_not_allowed';
is code($p->patch($one, { timeout_ms => 5001 }, %admin)), 'interval_below_timeout';
is code($p->patch($one, { kind => 'postgres' }, %admin)), 'invalid', 'a kind stays';
$r = $p->patch($one, { target => { warn_percent => undef }, runbook_url => undef }, %admin);
is_deeply [ @{ $r->json }{qw(target runbook_url)} ], [ { path => '/' }, undef ], 'null takes away'
    or diag $r->{body};

my $db = $p->post($path, { name => 'db', component => 'database', kind => 'postgres',
    interval_s => 5, rise => 1, fall => 1 }, %admin)->json;
is code($p->patch($one, { name => 'db' }, %admin)), 'check_name_taken';
is $p->patch("$path/0190a1b2-0000-7000-8000-000000000001", {}, %admin)->{status}, 404;


# listed

my $self = $p->post($path, { name => 'self', component => 'health', kind => 'module',
    target => { module => 'health' }, interval_s => 5 }, %admin)->json;
my $hats = $p->post($path, { name => 'mute', component => 'health', kind => 'module',
    target => { module => 'health', slow_ms => 60000 }, interval_s => 5,
    enabled => \0 }, %admin)->json;
is_deeply [ map { $_->{name} } @{ $p->get($path, %reads)->json->{data} } ],
    [ qw(db disk mute self) ];
is_deeply [ map { $_->{name} } @{ $p->get("$path?component=health", %reads)->json->{data} } ],
    [ qw(mute self) ];
is_deeply [ map { $_->{name} } @{ $p->get("$path?kind=disk", %reads)->json->{data} } ], [ 'disk' ];
$r = $p->get("$path?limit=3", %reads)->json;
$r = $p->get("$path?limit=3&cursor=$r->{next}", %reads)->json;
is_deeply [ map { $_->{name} } @{ $r->{data} } ], [ 'self' ], 'in pages';


# run, in their turn and at once

for my $c ($check, $db, $self) {
    ok $p->wait_for(sub { $p->get("$path/$c->{id}", %reads)->json->{state} =~ /pass|warn/ }, 20),
        "$c->{name} runs";
}

is $p->get("$path/$hats->{id}", %reads)->json->{state}, 'unknown', 'one that is disabled does not';
$r = $p->post("$path/$self->{id}/run", undef, %admin);
is $r->{status}, 200;
is $r->json->{outcome}, 'pass', 'at once';
like $r->json->{detail}, qr/^\d+ results wait/, 'what the module says';
like $p->post("$one/run", undef, %admin)->json->{detail}, qr/^\d+ % used$/;
is $p->post("$path/$db->{id}/run", undef, %admin)->json->{outcome}, 'pass';
is code($p->post("$path/$hats->{id}/run", undef, %admin)), 'check_disabled';
is $p->post("$path/0190a1b2-0000-7000-8000-000000000001/run", undef, %admin)->{status}, 404;
is $p->post("$one/run", undef, %reads)->{status}, 403;


# results

$r = $p->get("$one/results", %reads)->json;
cmp_ok @{ $r->{data} }, '>=', 2, 'results of both ways';
ok $r->{data}[0]{at} gt $r->{data}[1]{at}, 'the latest first';
like $r->{data}[0]{outcome}, qr/^(?:pass|warn)$/;
my $next = $p->get("$one/results?limit=1", %reads)->json;
is $p->get("$one/results?limit=1&cursor=$next->{next}", %reads)->json->{data}[0]{at},
    $r->{data}[1]{at}, 'in pages';

is code($p->get("$one/results?from=2026-02-01T00:00:00Z&to=2026-01-01T00:00:00Z", %reads)),
    'time_range_empty';
is $p->get("$one/results?from=yesterday", %reads)->{status}, 422;
is_deeply $p->get("$one/results?to=2020-01-01T00:00:00Z", %reads)->json->{data}, [];
is $p->get("$path/0190a1b2-0000-7000-8000-000000000001/results", %reads)->{status}, 404;

my $id = $check->{id};
my $tenant = $p->sql('select tenant_id from health.checks where id = ?', $id);
$p->sql('delete from health.results where check_id = ?', $id);
$p->sql(q{insert into health.results select ?, now() - n * interval '1 second',
    ?, case when n % 4 = 0 then 'fail' else 'pass' end, n, ''
    from generate_series(1, 100) n}, $id, $tenant);
ok scalar $p->sql('select health.keep()');
my @hours = @{ $p->get("$one/results?resolution=hour", %reads)->json->{data} };
my ($passed, $failed) = (0, 0);
($passed, $failed) = ($passed + $_->{passed}, $failed + $_->{failed}) for @hours;
cmp_ok $passed, '>=', 75, 'hours';
is $failed, 25;
cmp_ok $hours[0]{p50_ms}, '<=', $hours[0]{p95_ms};
is scalar $p->sql(q{select count(*) from pg_class where relname ~ '^results_\d{8}$'}), 4,
    'partitions of today and three days ahead';
$p->sql(q{create table health.results_20200101 partition of health.results
    for values from ('2020-01-01 00:00+00') to ('2020-01-02 00:00+00')});
$p->sql(q{insert into health.results values (?, '2020-01-01 12:00+00', ?, 'pass', 1, ''),
    (?, '2020-03-01 12:00+00', ?, 'pass', 1, '')}, $id, $id, $id, $id);
$p->sql('select health.keep()');
is scalar $p->sql(q{select count(*) from health.results where at < '2021-01-01'}), 0,
    'what is old goes';
ok !scalar $p->sql(q{select to_regclass('health.results_20200101')}), 'a day at a time';


# what each costs

for ([ 1, GET => $path ], [ 1, GET => $one ], [ 1, PATCH => $one, { rise => 2 } ],
     [ 2, GET => "$one/results" ], [ 2, POST => "$one/run" ],
     [ 3, POST => "$path/$db->{id}/run" ], [ 1, DELETE => "$path/$hats->{id}" ],
     [ 1, POST => $path, { %disk, name => 'another' } ])
{
    my ($most, $method, $at, $body) = @$_;
    $r = $p->request($method, $at, body => $body, %admin);
    is trips($r), $most, "$method $at: round trips" or diag $r->{body};
}


# removed

is code($p->delete($one, %admin, 'If-Match' => '"v1"')), 'precondition_failed';
is $p->delete($one, %admin)->{status}, 204;
is $p->delete($one, %admin)->{status}, 404;
is $p->get($one, %reads)->{status}, 404;
is $p->get("$one/results", %reads)->{status}, 404;

done_testing;
