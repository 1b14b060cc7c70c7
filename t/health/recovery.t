# Recovery actions: done once by whichever node, seen to help or not, and
# standing still when they do not.

use FindBin;
use lib $FindBin::Bin;
use Pando;
use Ward;

my $t = Ward->new(workers => 2);
my $p = $t->{p};
my $q = Pando->new(workers => 1, redis => undef);       # another node
my $add = 'POST /recovery-actions';
my $change = 'PATCH /recovery-actions/{id}';
my $remove = 'DELETE /recovery-actions/{id}';
my $run = 'POST /recovery-actions/{id}/run';
my $runs = 'GET /recovery-actions/{id}/runs';
my %rule = (name => 'read again', component => 'storage', module => 'health');


# kept

my $r = $t->works($t->post('/recovery-actions', { %rule, enabled => \0 }), $add, 201);
is_deeply $r->{guard}, { held_s => 60, cooldown_s => 300, per_hour => 3, attempts => 3,
    verify_s => 60 }, 'with bounds that it did not name';
is $r->{trigger}, 'major_outage';
my $one = "/recovery-actions/$r->{id}";
$t->works($t->get($one), 'GET /recovery-actions/{id}', 200);
$t->fails($t->post('/recovery-actions', \%rule), $add, 'recovery_name_taken', '/name');
$t->fails($t->post('/recovery-actions', { %rule, module => 'hats' }), $add,
          'target_not_allowed', '/module');
my $other = $t->post('/recovery-actions', { %rule, name => 'other', component => 'web',
    guard => { held_s => 0 }, enabled => \0 })->json;
is $other->{guard}{per_hour}, 3, 'or not all of';
$t->fails($t->post('/recovery-actions', { %rule, name => 'x', target => 'x' }), $add,
          'target_invalid', '/target');
my %hook = (name => 'x', component => 'storage', action => 'webhook', enabled => \0);
for (qw(http://127.0.0.1/x http://169.254.169.254/latest ftp://example.com/),
     'https://a:b@example.com/', 'https://[::1]/', 'nothing')
{
    $t->fails($t->post('/recovery-actions', { %hook, target => $_ }), $add, 'target_not_allowed',
              '/target', "no webhook to $_");
}
$t->fails($t->patch($one, { target => 'http://10.0.0.1/' }), $change, 'target_not_allowed',
          '/target');
$t->fails($t->patch($one, { target => 'x' }), $change, 'target_invalid', '/target');
$t->fails($t->patch($one, { name => 'other' }), $change, 'recovery_name_taken', '/name');
$t->fails($t->patch($one, { module => 'hats' }), $change, 'target_not_allowed', '/module');
$r = $t->works($t->patch($one, { guard => { cooldown_s => 7 } }, 'If-Match' => '"v1"'), $change,
               200);
is_deeply $r->{guard}, { held_s => 60, cooldown_s => 7, per_hour => 3, attempts => 3,
    verify_s => 60 }, 'a merge patch of its bounds';
$t->fails($t->patch($one, { name => 'x' }, 'If-Match' => '"v1"'), $change,
          'precondition_failed');
$t->fails($t->delete($one, 'If-Match' => '"v1"'), $remove, 'precondition_failed');

for ([ trigger => 'operational' ], [ action => 'reboot' ], [ guard => { attempts => 0 } ],
     [ guard => { held_s => -1 } ], [ guard => { x => 1 } ], [ component => 'No' ],
     [ module => '/bin/sh' ])
{
    is $t->post('/recovery-actions', { %rule, name => 'x', @$_ })->{status}, 422, "no such $_->[0]";
}

is scalar @{ $t->works($t->get('/recovery-actions'), 'GET /recovery-actions', 200)->{data} }, 2;
is scalar @{ $t->get('/recovery-actions?component=web')->json->{data} }, 1;


# run by hand

$t->told('recovery.attempted');
$r = $t->works($t->post("$one/run"), $run, 200);
ok $r->{by_hand};
is_deeply [ @$r{qw(outcome before says)} ],
    [ 'running', 'unknown', 'the list of checks is read anew' ], 'run by hand';
is scalar(() = $t->told('recovery.attempted')), 1, 'is told';
$t->fails($t->post("$one/run"), $run, 'already_running');
$t->fails($t->post("/recovery-actions/$other->{id}/run"), $run, 'already_running', undef,
          'one at a time, of all');
$t->age(61);
$t->sweep;
$r = $t->works($t->get("$one/runs"), $runs, 200);
is $r->{data}[0]{outcome}, 'no_help', 'a component that is unknown was not helped';
is $t->get($one)->json->{failures}, 1;
$t->patch($one, { guard => { cooldown_s => 120 } });
$t->fails($t->post("$one/run"), $run, 'cooldown');
$t->patch($one, { guard => { per_hour => 1 } });
$t->fails($t->post("$one/run"), $run, 'budget_spent');
$t->fails($t->post("/recovery-actions/$Ward::NOBODY/run"), $run, 'not_found');
$t->fails($t->post("/recovery-actions/$Ward::NOBODY/reset"),
          'POST /recovery-actions/{id}/reset', 'not_found');
$t->fails($t->get("/recovery-actions/$Ward::NOBODY/runs"), $runs, 'not_found');
is $t->get($one, token => $Ward::OTHER)->{status}, 404, 'another tenant sees none of it';


# by itself, by one of two nodes, until it is given up

my $check = $t->check('storage');
$t->found($check, 'pass');
my %fast = (held_s => 0, cooldown_s => 0, per_hour => 60, attempts => 3, verify_s => 0);
$t->delete($one);
$t->told($_) for 'recovery.attempted', 'recovery.failed';
$one = '/recovery-actions/' . $t->post('/recovery-actions', { %rule, guard => \%fast })->json->{id};
$t->sweep;
is_deeply [ $t->told('recovery.attempted') ], [], 'nothing is wrong: nothing is done';
$t->found($check, 'fail');
ok $p->wait_for(sub { $t->get($one)->json->{state} eq 'stopped' }, 60), 'no help, three times';
is scalar(() = $t->told('recovery.attempted')), 3, 'so many attempts';
my @failed = $t->told('recovery.failed');
is scalar @failed, 1, 'told to have come to nothing once';
is_deeply [ @{ $failed[0] }{qw(before after attempts)} ], [ 'major_outage', 'major_outage', 3 ];
is_deeply [ map { $_->{outcome} } @{ $t->get("$one/runs")->json->{data} } ], [ ('no_help') x 3 ];

sub claims
{
    my ($n) = @_;
    my @out = map { pipe(my $in, my $to); if (!(fork // die)) {
        my $db = DBI->connect("dbi:Pg:$p->{database}", '', '', { RaiseError => 1 });
        my ($run) = $db->selectrow_array('select run from health.recovery_claim(?)', undef,
                                         $Ward::NOBODY);
        print $to $run // ''; close $to; $db->disconnect; require POSIX; POSIX::_exit(0) }
        close $to; $in } 1 .. $n;
    my @runs = grep { length } map { my $in = $_; local $/; scalar <$in> } @out;
    1 while wait > 0;
    return @runs;
}

is_deeply [ claims(3) ], [], 'it stands still';
$t->works($t->post("$one/reset"), 'POST /recovery-actions/{id}/reset', 200);
$_->stop for $p, $q;
$p->sql(q{delete from health.recovery_runs where outcome = 'running'});      # by one of them
$p->sql(q{update health.recovery_rules set state = 'armed', failures = 0 where id = ?},
    $one =~ m{([^/]+)$});
my @runs = claims(20);
is scalar @runs, 1, 'twenty nodes at once: one does it';
$p->sql('select health.recovery_acted(?, true, ?)', $runs[0], '');
$t->found($check, 'pass');
$p->sql('select health.judge_runs()');
is scalar $p->sql('select outcome from health.recovery_runs where id = ?', $runs[0]), 'helped',
    'the component works: it helped';
is scalar $p->sql('select failures from health.recovery_rules where name = ?',
    $rule{name}), 0;
$t->found($check, 'fail');
($runs[1]) = claims(1);
$t->age(121);
$p->sql('select health.judge_runs()');
is scalar $p->sql('select outcome from health.recovery_runs where id = ?', $runs[1]), 'lost',
    'a node that died in it: given up';
ok !scalar $p->sql('select health.recovery_acted(?, true, ?)', $runs[1], ''),
    'what it says later is late';

# a dependency's failure is no reason
$p->sql(q{insert into health.edges values (?, 'storage', 'disk', 'hard')}, $Pando::Token::TENANT);
$p->start;
my $disk = $t->check('disk');
$p->stop;
$t->found($disk, 'fail');
is_deeply [ claims(2) ], [], 'none where a dependency explains it';
$t->found($disk, 'pass');
is_deeply [ claims(2) ], [], 'nor while it may recover with it';
$t->age(121);
$t->sweep;
is scalar(claims(2)), 1, 'then it is';
$p->sql(q{select health.recovery_end(id, 'helped') from health.recovery_runs
    where outcome = 'running'});
$p->sql(q{insert into health.maintenances (tenant_id, title, components, starts_at, ends_at)
    values (?, 'x', '{storage}', now() - interval '1 h', now() + interval '1 h')},
    $Pando::Token::TENANT);
is_deeply [ claims(2) ], [], 'none in a maintenance';


# for operators alone

$p->configure(http => "pando_set health.tenant $Pando::Token::TENANT;");
$p->start;
my %none = ('If-Match' => undef, token => $Ward::OTHER);

for (map { [ split ' ', $_, 2 ] } grep { m{ /recovery-actions} } sort keys %{ $t->{routes} }) {
    my ($verb, $path) = @$_;
    my $at = $path =~ s/\{id\}/$Ward::NOBODY/r;
    my $body = { POST => \%rule, PATCH => {} }->{$verb};

    $body = undef if $path =~ /run|reset/;
    $t->fails($p->request($verb, "/api/v1$at", body => $body, %none), "$verb $path", 'forbidden');
}

my ($lives) = map { $t->works($t->delete("/recovery-actions/$_->{id}"), $remove, 204); 1 }
    @{ $t->get('/recovery-actions')->json->{data} };
is scalar $p->sql('select count(*) from health.recovery_runs'), 0, 'a rule goes with its runs';

$t->events_sound;
$t->all_provoked('health_recovery.c');

done_testing;
