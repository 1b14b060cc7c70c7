# Calls between domains: in process, over an nginx upstream, and absent.

use Pando;

my $tenant = '00000000-0000-7000-8000-0000000000c1';
my $token = { scope => '', tid => $tenant };


# in process

my $both = Pando->new(domains => ['probe', 'asker']);
my $r = $both->get('/api/v1/asker/doubles?n=21', token => $token);

is $r->{status}, 200, 'a call in process';
is $r->{body}, "42 $tenant", 'for the same tenant';

$r = $both->get('/api/v1/asker/doubles?n=5000', token => $token);
is $r->{status}, 422, 'a refusal of the callee is told apart';
is $r->json->{code}, 'too_large_to_double';


# absent

my $alone = Pando->new(domains => ['asker']);
is $alone->get('/api/v1/asker/doubles?n=21', token => $token)->{body},
    'absent', 'a domain that is nowhere is absent';


# a peer, through an upstream of the caller's own nginx

my $there = Pando->new(domains => ['probe'],
    server => 'location /pando/calls { pando_calls; }');
my $here = Pando->new(domains => ['asker'],
    http => "pando_peer probe unix:DIR/peers.sock;
             upstream probes { server 127.0.0.1:$there->{port}; keepalive 4; }
             server { listen unix:DIR/peers.sock;
                      location /pando/calls {
                          proxy_pass http://probes;
                          proxy_http_version 1.1;
                          proxy_set_header Connection ''; } }");

$r = $here->get('/api/v1/asker/doubles?n=21', token => $token);
is $r->{status}, 200, 'a call over an upstream';
is $r->{body}, "42 $tenant", 'for the same tenant';
is $here->get('/api/v1/asker/doubles?n=5000', token => $token)->{status}, 422,
    'a refusal comes over the wire';

my @r = $here->parallel(map {
    [ GET => "/api/v1/asker/doubles?n=$_", token => $token ] } 1 .. 100);
is scalar(grep { $r[$_]{body} eq 2 * ($_ + 1) . " $tenant" } 0 .. 99), 100,
    'a hundred at once, each its own answer';

is $there->post('/pando/calls/probe.double', { n => 1 })->{status}, 401,
    'nobody calls without a seal';
is $there->post('/pando/calls/probe.double', { n => 1 },
                headers => [ 'X-Pando-Caller' => 'A' x 90 ])->{status}, 401,
    'nor with a made up one';

$there->stop;
$r = $here->get('/api/v1/asker/doubles?n=21', token => $token);
is $r->{status}, 503, 'a peer that is down is unavailable';
is $r->header('Retry-After'), 1;

done_testing;
