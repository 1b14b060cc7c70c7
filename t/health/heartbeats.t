# Heartbeats: who calls, who does not, and who only guesses.

use FindBin;
use lib $FindBin::Bin;
use Pando;
use Ward;

my $t = Ward->new(workers => 2);
my $p = $t->{p};
my $add = 'POST /heartbeats';
my $change = 'PATCH /heartbeats/{id}';
my $remove = 'DELETE /heartbeats/{id}';
my %nightly = (name => 'nightly', component => 'backup', period_s => 60, grace_s => 60);

my $b = $t->works($t->post('/heartbeats', \%nightly), $add, 201);
my ($id, $url) = @$b{qw(id ping_url)};
my $one = "/heartbeats/$id";

sub later { $p->sql("update health.heartbeats set late_at = late_at - make_interval(secs => ?),
    started_at = started_at - make_interval(secs => ?)", $_[0], $_[0]) }
sub state { $t->get($one)->json->{state} }

is $b->{state}, 'new';
like $url, qr{^/ping/\Q$id\E/[\w-]{43}$}, 'it is told what to call';
ok !exists $t->works($t->get($one), 'GET /heartbeats/{id}', 200)->{ping_url}, 'once';
is $p->sql('select length(secret_hash) from health.heartbeats'), 32;
unlike $p->sql('select h::text from health.heartbeats h'), qr/\Q@{[ $url =~ m{(\w+)$} ]}\E/,
    'its secret is not kept';
is $t->states->{backup}[0], 'unknown', 'nothing is known of it yet';
$t->fails($t->post('/heartbeats', \%nightly), $add, 'heartbeat_name_taken', '/name');
my $other = $t->post('/heartbeats', { %nightly, name => 'other', component => 'mail' })->json;
$t->fails($t->patch("/heartbeats/$other->{id}", { name => 'nightly' }), $change,
          'heartbeat_name_taken', '/name');

for ([ period_s => 4 ], [ grace_s => -1 ], [ max_run_s => 0 ], [ component => 'No Slug' ],
     [ criticality => 'some' ], [ secret => 'x' ])
{
    is $t->post('/heartbeats', { %nightly, name => 'x', @$_ })->{status}, 422, "no $_->[0] $_->[1]";
}


# who calls

my $ping = 'GET /ping/{id}/{secret}';
$t->works($p->get($url), $ping, 200, 'called');
is state(), 'up';
is_deeply $t->states->{backup}, [ 'operational', undef ];
is $p->request(POST => $url, body => 'some output')->{status}, 200, 'or posted';
is $p->request(HEAD => $url)->{status}, 200;
my $wrong = $url =~ s/.$//r . ($url =~ /A$/ ? 'B' : 'A');
my $nobody = $url =~ s/\Q$id/$Ward::NOBODY/r;
my $swapped = $url =~ s/\Q$id/$other->{id}/r;

for my $end ('', '/start', '/fail') {
    for my $verb (qw(GET POST)) {
        my $route = "$verb /ping/{id}/{secret}$end";
        $t->works($p->request($verb, "$url$end"), $route, 200);
        $t->fails($p->request($verb, "$_$end"), $route, 'not_found') for $wrong, $nobody, $swapped;
    }
}

is $p->get('/ping/x/y')->{status}, 404;
is $p->get("/ping/$id/")->{status}, 404;
is $p->get($url . '/stop')->{status}, 404;
unlike $p->log('access.log'), qr{/ping/}, 'no secret is in the log';


# who does not

$p->get($url);
$t->told($_) for 'heartbeat.missed', 'component.status_changed';
later(119);
$t->sweep;
is_deeply [ $t->told('heartbeat.missed') ], [], 'late, but within its grace';
later(1.5);
$t->sweep for 1 .. 5;
my @missed = $t->told('heartbeat.missed');
is scalar @missed, 1, 'beyond it: missed, once';
is $missed[0]{name}, 'nightly';
is state(), 'missed';
is_deeply $t->states->{backup}, [ 'partial_outage', 'check' ];
is_deeply [ map { $_->{status} } $t->told('component.status_changed') ], ['partial_outage'];
$p->get("$url/start");
is state(), 'missed', 'a beginning is no sign of life';
$p->get($url);
is state(), 'up', 'a late call is one';
is_deeply [ map { $_->{status} } $t->told('component.status_changed') ], ['operational'];

# by the clock alone
my $q = $t->post('/heartbeats', { %nightly, name => 'quick', period_s => 5, grace_s => 1 })->json;
$p->get($q->{ping_url});
my $due = time + 6;
ok $p->wait_for(sub { $t->told('heartbeat.missed') }, 20), 'the sweep finds it';
cmp_ok time - $due, '>=', -1, 'not before it is due';
cmp_ok time - $due, '<=', 6 * $Pando::SLOW, 'and within five seconds';
$t->delete("/heartbeats/$q->{id}");


# who says that it failed, and who never comes to an end

$p->get("$url/fail") for 1 .. 3;
is state(), 'failed';
is scalar(() = $t->told('heartbeat.missed')), 1, 'told once';
$t->works($t->patch($one, { max_run_s => 30, criticality => 'required' }), $change, 200);
is $t->states->{backup}[0], 'major_outage';
$p->get($url);
$p->get("$url/start");
later(29);
$t->sweep;
is state(), 'up', 'a run has its time';
$p->get($url);
cmp_ok $t->get($one)->json->{last_run_ms}, '>=', 29000, 'how long it took';
$p->get("$url/start");
later(31);
$t->sweep;
is state(), 'missed', 'but no more';
$t->told('heartbeat.missed');

$p->get($url);
my $late = $t->get($one)->json->{late_at};
my $r = $t->works($t->patch($one, { period_s => 600, max_run_s => undef }), $change, 200);
cmp_ok $r->{late_at}, 'gt', $late, 'a new period counts at once';
is $r->{max_run_s}, undef;

# fifty calls and sweeps at once
$p->parallel(map { [ GET => $url . ($_ % 3 ? '' : '/fail') ] } 1 .. 50);
$p->get($url);
is state(), 'up', 'fifty calls at once end well';


# changed, listed, removed

$t->fails($t->patch($one, { name => 'x' }, 'If-Match' => '"v1"'), $change, 'precondition_failed');
$t->fails($t->delete($one, 'If-Match' => '"v1"'), $remove, 'precondition_failed');
is_deeply [ map { $_->{name} } @{ $t->works($t->get('/heartbeats'), 'GET /heartbeats', 200)
    ->{data} } ], [ qw(nightly other) ];
is scalar @{ $t->get('/heartbeats?component=mail')->json->{data} }, 1;
is $t->get($one, token => $Ward::OTHER)->{status}, 404, 'another tenant sees none of it';
is $t->delete($one, token => $Ward::OTHER)->{status}, 404;
$t->works($t->delete($one), $remove, 204);
is $p->get($url)->{status}, 404;
ok !$t->states->{backup};

$t->events_sound;
$t->all_provoked('health_heartbeats.c');

done_testing;
