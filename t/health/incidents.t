# Incidents: opened by hand and by themselves, what is said of them, where they
# may go, and the status page.

use FindBin;
use lib $FindBin::Bin;
use Pando;
use Ward;

my $t = Ward->new(workers => 2);
my $p = $t->{p};
my $say = 'POST /incidents/{id}/updates';
my $resolve = 'POST /incidents/{id}/resolve';
my $change = 'PATCH /incidents/{id}';
my %new = (title => 'Uploads & <b>', impact => 'major', components => ['storage'],
    message => 'we look');


# by hand

my $i = $t->works($t->post('/incidents', \%new), 'POST /incidents', 201);
is_deeply [ @$i{qw(state impact resolved_at)} ], [ 'investigating', 'major', undef ];
is_deeply [ map { "$_->{state} $_->{message}" } @{ $i->{updates} } ], [ 'investigating we look' ];
ok !$i->{auto};
my ($told) = $t->told('incident.opened');
is $told->{id}, $i->{id}, 'an event tells of it';
is_deeply $told->{updates}, $i->{updates}, 'with what was said';
is_deeply $t->states->{storage}, [ 'partial_outage', 'incident' ], 'its component is as it says';
my $one = "/incidents/$i->{id}";
is $t->works($t->get($one), 'GET /incidents/{id}', 200)->{title}, 'Uploads & <b>';

for ([ impact => 'some' ], [ components => [] ], [ components => [ 'a', 'a' ] ],
     [ components => ['No Slug'] ], [ title => '' ], [ message => '' ], [ state => 'resolved' ],
     [ components => [ map { "c$_" } 1 .. 101 ] ])
{
    is $t->post('/incidents', { %new, @$_ })->{status}, 422, "no $_->[0] like that";
}

$i = $t->works($t->post("$one/updates", { message => 'a disk', state => 'identified' }), $say, 201);
is $i->{state}, 'identified';
is $i->{version}, 2;
$i = $t->post("$one/updates", { message => 'still' })->json;
is $i->{state}, 'identified', 'an update without a state leaves it';
is_deeply [ map { $_->{message} } @{ $i->{updates} } ], [ 'still', 'a disk', 'we look' ],
    'updates, the latest first';
is scalar(() = $t->told('incident.updated')), 2;

$t->works($t->patch($one, { impact => 'critical' }, 'If-Match' => '"v3"'), $change, 200);
is $t->states->{storage}[0], 'major_outage', 'its impact changes';
$t->fails($t->patch($one, { title => 'x' }, 'If-Match' => '"v3"'), $change,
          'precondition_failed');
$t->works($t->patch($one, { components => ['web'] }), $change, 200);
is_deeply [ keys %{ $t->states } ], ['web'], 'and what it is about';

$t->fails($t->post("$one/updates", { message => 'x', state => 'postmortem' }), $say,
          'illegal_transition', '/state');
$t->told('incident.updated');
$i = $t->works($t->post("$one/resolve"), $resolve, 200);
ok $i->{resolved_at}, 'resolved';
is scalar(() = $t->told('incident.resolved')), 1, 'is told';
is_deeply $t->states, {}, 'and its component no longer spoken of';
$t->fails($t->post("$one/updates", { message => 'x', state => 'monitoring' }), $say,
          'illegal_transition', '/state');
$i = $t->post("$one/updates", { message => 'again', state => 'investigating' })->json;
is $i->{resolved_at}, undef, 'opened again within a day';
is $t->states->{web}[0], 'major_outage';
$t->post("$one/resolve");
$t->age(86401);
$t->fails($t->post("$one/updates", { message => 'x', state => 'investigating' }), $say,
          'illegal_transition', '/state', 'no longer after one');
is $t->post("$one/updates", { message => 'why', state => 'postmortem' })->json->{state},
    'postmortem';
$t->fails($t->post("$one/resolve"), $resolve, 'illegal_transition', '/state');

$t->fails($t->get("/incidents/$Ward::NOBODY"), 'GET /incidents/{id}', 'not_found');
is $t->get($one, token => $Ward::OTHER)->{status}, 404, 'another tenant sees none of it';
is $t->post("$one/updates", { message => 'x' }, token => $Ward::OTHER)->{status}, 404;
is $t->patch($one, { title => 'x' }, token => $Ward::OTHER)->{status}, 404;

# fifty answers to one question
my $j = $t->post('/incidents', \%new)->json;
my @r = $p->parallel(map { [ POST => "/api/v1/incidents/$j->{id}/resolve", token => $t->{token} ] }
    1 .. 50);
is scalar(grep { $_->{status} == 200 } @r), 50, 'resolved by fifty';
is scalar(() = $t->told('incident.resolved')), 2, 'is told once (and once after the reopening)';


# by itself

my $db = $t->check('database');
my $web = $t->check('web');
$t->depends('web', 'database');
$t->found($_, 'pass') for $db, $web;
$t->found($_, 'fail') for $db, $web;
$t->told('incident.opened');
$t->sweep;
is_deeply [ $t->told('incident.opened') ], [], 'not at once';
$t->age(121);

# Fifty sweeps at once, each as a node would.
my @kids = map { my $pid = fork // die; if (!$pid) {
    my $db = DBI->connect("dbi:Pg:$p->{database}", '', '', { RaiseError => 1 });
    $db->do('select health.sweep(120, 900)') for 1 .. 5;
    $db->disconnect; require POSIX; POSIX::_exit(0) } $pid } 1 .. 10;
is waitpid($_, 0) && $?, 0, 'a node sweeps' for @kids;
my @opened = $t->told('incident.opened');
is_deeply [ map { $_->{components}[0] } @opened ], ['database'],
    'after two minutes one opens, for the root cause alone';
ok $opened[0]{auto};
is $opened[0]{impact}, 'critical';
my $auto = "/incidents/$opened[0]{id}";
is_deeply $t->states->{database}, [ 'major_outage', 'check' ];

$t->found($db, 'pass');
$t->sweep;
is_deeply [ $t->told('incident.opened') ], [], 'what it explained has time to recover';
$t->found($web, 'pass');
is $t->get($auto)->json->{state}, 'monitoring', 'it works again: watched';
$t->found($db, 'fail');
$t->sweep;
is $t->get($auto)->json->{state}, 'investigating', 'it does not';
$t->found($db, 'pass');
$t->sweep;
$t->age(800);
$t->sweep;
is $t->get($auto)->json->{state}, 'monitoring', 'and for 15 minutes';
$t->age(101);
$t->told('incident.resolved');
$t->sweep;
$i = $t->get($auto)->json;
is $i->{state}, 'resolved', 'resolves by itself';
is scalar(() = $t->told('incident.resolved')), 1;
is_deeply [ map { $_->{state} } reverse @{ $i->{updates} } ],
    [ qw(investigating monitoring investigating monitoring resolved) ], 'its story';

$t->post('/incidents', { %new, components => ['database'] });
$t->told('incident.opened');
$t->found($db, 'fail');
$t->age(200);
$t->sweep;
is_deeply [ $t->told('incident.opened') ], [], 'none where somebody was faster';


# listed

my $list = $t->works($t->get('/incidents?state=resolved&limit=1'), 'GET /incidents', 200);
is $list->{data}[0]{state}, 'resolved';
ok $list->{next};
is $t->get('/incidents?state=hot')->{status}, 422;


# the status page

my $page = $t->works($t->public('/status'), 'GET /status', 200);
is $page->{status}, 'major_outage', 'the status of all';
is_deeply [ map { $_->{component} } @{ $page->{components} } ], [ qw(database web) ];
is scalar @{ $page->{components}[0]{days} }, 90, 'ninety days';
is scalar @{ $page->{incidents} }, 1, 'the open incidents';
my $html = $p->get('/status');
is $html->{status}, 200;
like $html->header('content-type'), qr{^text/html};
like $html->{body}, qr{<h1>Status: major outage</h1>};
like $html->{body}, qr{<h2>Uploads &amp; &lt;b&gt;</h2>}, 'what was written is a text';
unlike $html->{body}, qr/<script|http:|https:/, 'nothing from elsewhere';
like $html->header('content-security-policy'), qr/default-src 'none'/;
my $feed = $p->get('/status/feed.atom');
like $feed->header('content-type'), qr{^application/atom\+xml};
is scalar(() = $feed->{body} =~ /<entry>/g), 4, 'an entry for each incident';
like $feed->{body}, qr{<title>Uploads &amp; &lt;b&gt;</title>};

unlike $feed->{body} . $html->{body}, qr/postgres|127\.0\.0\.1/, 'no host';

# Uptime: 100 days ago well, down for 9 of the last 90, 45 in maintenance.
my $tenant = $Pando::Token::TENANT;
$p->sql('delete from health.component_changes');
$p->sql(q{insert into health.component_changes
    select ?, 'database', now() - make_interval(days => d), s, null, '{}'
      from (values (100, 'operational'), (40, 'major_outage'), (31, 'degraded')) v(d, s)},
    $tenant);
$p->sql(q{select health.settle(?)}, $tenant);
$p->sql(q{delete from health.component_changes where at > now() - interval '1 hour'});
$p->sql(q{insert into health.maintenances (tenant_id, title, components, starts_at, ends_at, state)
    values (?, 'x', '{database}', now() - interval '90 days', now() - interval '45 days', 'ended')},
    $tenant);
is 0 + $p->sql(q{select health.uptime(s.up, s.known)
    from health.spans(?, 'database', now() - interval '90 days', false) s}, $tenant), 80,
    'uptime: 36 of 45 days';
is $p->sql(q{select health.uptime(s.up, s.known)
    from health.spans(?, 'nothing', now() - interval '90 days', false) s}, $tenant), undef,
    'of what nothing is known there is none';

$t->events_sound;
$t->all_provoked('health_incidents.c');

done_testing;
