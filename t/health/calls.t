# What health does with other domains: what they report, what it tells them,
# how they say that they are, and how they are repaired.

use FindBin;
use lib $FindBin::Bin;
use Pando;
use Ward;

my $t = Ward->new(workers => 2, domains => [ 'health', 'nurse' ],
    http => "pando_set health.tenant $Pando::Token::TENANT;");
my $p = $t->{p};
my %user = (token => { scope => '' });

sub report { $p->post('/api/v1/nurse/reports', { component => 'press', outcome => $_[0],
    detail => 'said so', for_s => $_[1] // 60 }, %user)->{body} }
sub status { $p->get("/api/v1/nurse/status/$_[0]", %user)->{body} }


# in process

is status('press'), '0 unknown', 'of what nothing is known';
is report('fail'), '0 ', 'reported';
is status('press'), '0 partial_outage', 'a component is as it is reported';
is_deeply $t->states->{press}, [ 'partial_outage', 'check' ];
report('pass') for 1 .. 3;
is status('press'), '0 operational';
is scalar(() = $t->told('component.status_changed')), 2, 'told when it changes';
is $p->get('/api/v1/nurse/status/press', token => { scope => '',
    tid => $Pando::Token::OTHER })->{body}, '0 unknown', 'of its own tenant alone';


# absent

my $alone = Pando->new(domains => ['nurse'], redis => undef);
is $alone->post('/api/v1/nurse/reports', { component => 'press', outcome => 'fail' },
    %user)->{body}, '-1 ', 'without health: the caller is told';


# over a wire

$p->configure(server => 'location /pando/calls { pando_calls; }');
$p->reload;
my $far = Pando->new(domains => ['nurse'], redis => undef,
    http => "pando_peer health unix:DIR/peers.sock;
             upstream health { server 127.0.0.1:$p->{port}; keepalive 4; }
             server { listen unix:DIR/peers.sock;
                      location /pando/calls {
                          proxy_pass http://health;
                          proxy_http_version 1.1;
                          proxy_set_header Connection ''; } }");
is $far->post('/api/v1/nurse/reports', { component => 'far', outcome => 'warn' }, %user)->{body},
    '0 ', 'a peer reports';
is $far->get('/api/v1/nurse/status/far', %user)->{body}, '0 degraded', 'and asks';


# asked, and repaired

my $check = $t->check('nurse', kind => 'module', target => { module => 'nurse' },
                      interval_s => 5, rise => 1, fall => 1);
my $rule = $t->post('/recovery-actions', { name => 'heal', component => 'nurse',
    module => 'nurse', guard => { held_s => 0, cooldown_s => 0, verify_s => 10,
                                  per_hour => 9, attempts => 2 } })->json;

sub is_now { my ($status) = @_; $p->wait_for(sub { status('nurse') eq "0 $status" }, 30) }
sub runs { map { $_->{outcome} } @{ $t->get("/recovery-actions/$rule->{id}/runs")->json->{data} } }

ok is_now('operational'), 'it says that it is well';
is_deeply [ runs() ], [], 'nothing is repaired';
$p->post('/api/v1/nurse/self', { outcome => 'fail' });
ok is_now('major_outage'), 'it says that it is ill';
ok is_now('operational'), 'it is repaired';
ok $p->wait_for(sub { join(' ', runs()) eq 'helped' }, 30), 'which is seen to have helped';

$t->patch("/recovery-actions/$rule->{id}", { enabled => \0 });
my $run = $t->post("/recovery-actions/$rule->{id}/run")->json;
is $run->{outcome}, 'running', 'by hand, too';
$t->age(11);
$t->sweep;
is_deeply [ runs() ], [ qw(helped helped) ];
$p->post('/api/v1/nurse/self', { outcome => 'lost' });
is $t->post("/recovery-actions/$rule->{id}/run")->json->{outcome}, 'failed',
    'one that fails has not helped';
is $t->get("/recovery-actions/$rule->{id}")->json->{failures}, 1;

done_testing;
