# Checks of Redis: there, slow, full, gone and back.

use Pando;
use Pando::Server;

my $redis = Pando::Server->redis;
my $p = Pando->new(workers => 1, redis => $redis->socket);
my %admin = (token => { scope => 'health:admin' });
my $path = '/api/v1/health-checks';
my %check = (name => 'redis', component => 'redis', kind => 'redis', interval_s => 5,
    timeout_ms => 500, fall => 1, rise => 1, criticality => 'required');

sub command { system('redis-cli', '-s', $redis->socket, @_) == 0 or die "redis-cli\n" }

my $c = $p->post($path, \%check, %admin);
is $c->{status}, 201 or diag $c->{body};
my $one = "$path/" . $c->json->{id};
for ({ path => '/' }, { module => 'health' }, { warn_percent => 90, fail_percent => 80 }) {
    is $p->post($path, { %check, name => 'x', target => $_ }, %admin)->json->{code},
        'target_invalid';
}

sub run { my $r = $p->post("$one/run", undef, %admin)->json; "$r->{outcome} $r->{detail}" }

ok $p->wait_for(sub { run() eq 'pass ' }), 'it answers';
is $p->patch($one, { target => { warn_percent => 1, fail_percent => 100 } }, %admin)->{status}, 200;
is run(), 'pass ', 'without a limit memory is no matter';
command(qw(config set maxmemory 8mb));
like run(), qr/^warn \d+ % of its memory used$/, 'with one it is';
$p->patch($one, { target => { fail_percent => 1 } }, %admin);
like run(), qr/^fail \d+ % of its memory used$/;
$p->patch($one, { target => { warn_percent => undef, fail_percent => undef } }, %admin);
like run(), qr/^pass \d+ % of its memory used$/, 'if somebody asked for that';
command(qw(config set maxmemory 0));
command(qw(replicaof 127.0.0.1 1));
is run(), 'fail the replica does not hear its master';
command(qw(replicaof no one));
is run(), 'pass ';

$redis->freeze;
like run(), qr/^fail /, 'frozen: fails';
is $p->get('/livez')->{status}, 200;
ok $p->wait_for(sub { ($p->get('/api/v1/service-health/redis', %admin)->json->{status} // '')
    eq 'major_outage' }, 20), 'and so does its component';
$redis->thaw;
ok $p->wait_for(sub { ($p->get('/api/v1/service-health/redis', %admin)->json->{status} // '')
    eq 'operational' }, 30), 'until it is thawed';
$redis->kill;
is run(), 'fail Redis does not answer', 'killed: fails';
$redis->start;
ok $p->wait_for(sub { run() eq 'pass ' }, 20), 'until it is back';

done_testing;
