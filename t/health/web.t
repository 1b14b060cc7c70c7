# Checks over HTTP: what an answer must be, scenarios of several requests, and
# that nothing private is called, whatever a name becomes.

use FindBin;
use lib $FindBin::Bin;
use Names;
use Pando;
use Pando::Elsewhere;
use Ward;

my $answer = \&Pando::Elsewhere::answer;
my $web = Pando::Elsewhere->web(sub {
    my ($s, $rq) = @_;
    my ($at) = $rq->{path} =~ m{^(/[^?]*)};

    sleep 30 if $at eq '/slow';
    return $s->print($answer->($1, "status $1")) if $at =~ m{^/(\d{3})$};
    return $s->print($answer->(302, '', Location => '/200')) if $at eq '/moved';
    return $s->print($answer->(302, '', Location => 'http://169.254.169.254/x')) if $at eq '/away';
    return 'close' if $at eq '/cut';
    return $s->print($answer->(200, '{"status":"ok","n":[{"a/b":7}],"id":"k 1"}'))
        if $at eq '/json';
    return $s->print($answer->(200, "$rq->{method} $rq->{path} " . ($rq->{headers}{'x-one'} // '')
                               . " $rq->{body}")) if $at =~ m{^/echo};
    return $s->print($answer->(404, 'nothing here'));
});
my $port = $web->port;


my $dns = Names->new;
my $t = Ward->new(workers => 2, http => "
    pando_outbound_allow 127.0.0.1;
    pando_outbound_ports $port 80 443;
    resolver 127.0.0.1:" . $dns->port . ' valid=1s ipv6=off;');
my $p = $t->{p};
my ($path, $n) = ('/health-checks', 0);

sub check
{
    my ($kind, $target, %more) = @_;
    return $t->post($path, { name => 'c' . ++$n, component => 'web', kind => $kind,
        interval_s => 86400, timeout_ms => 5000, target => $target, %more });
}

sub result
{
    my $r = $t->post("$path/$_[0]/run")->json;
    return "$r->{outcome} $r->{detail}";
}

# What a request finds; a path is one of the server's.
sub finds
{
    my ($url, %more) = @_;
    my $r = check(http => { url => $url =~ m{^/} ? "http://127.0.0.1:$port$url" : $url, %more });
    return $r->{status} == 201 ? result($r->json->{id}) : "$r->{status} $r->{body}";
}


# one request

is finds('/200'), 'pass ';
is finds('/503'), 'fail status 503';
is finds('/503', statuses => [ 500, 503 ]), 'pass ', 'a set of statuses';
is finds('/204', statuses => [200]), 'fail status 204';
is finds('/moved'), 'fail status 302', 'a redirect is an answer';
is finds('/moved', redirects => 1), 'pass ', 'or followed';
is finds('/cut'), 'fail broken';
is finds('/json', matches => '.*"status":"ok".*'), 'pass ', 'the answer matches';
is finds('/json', matches => '.*"status":"ill".*'), 'fail the answer does not match';
is finds('/json', pointer => '/status', equals => 'ok'), 'pass ', 'a text in JSON';
is finds('/json', pointer => '/n/0/a~1b', equals => '7'), 'pass ', 'a number, deep down';
is finds('/json', pointer => '/status', equals => 'ill'), 'fail the answer says something else';
is finds('/json', pointer => '/n/1/a~1b'), 'fail the answer says something else';
is finds('/json', pointer => '/n/x'), 'fail the answer says something else';
is finds('/200', pointer => '/status'), 'fail the answer is no JSON';
is finds('/echo', method => 'PUT', body => '{"a":{}}', headers => { 'X-One' => 'z' },
         matches => 'PUT /echo z \{"a":\{\}\}'), 'pass ', 'what is sent';
like finds('/200', slow_ms => 60000), qr/^pass/;

my $slow = check(http => { url => "http://127.0.0.1:$port/slow" }, timeout_ms => 300)->json->{id};
is result($slow), 'fail timeout', 'what takes long fails';


# several in a row

sub scenario { my $r = check(scenario => { steps => [@_] });
    $r->{status} == 201 ? result($r->json->{id}) : "$r->{status} " . $r->json->{code} }
sub at { "http://127.0.0.1:$port$_[0]" }

is scenario({ url => at('/200') }, { url => at('/204') }), 'pass ', 'two steps';
is scenario({ url => at('/200') }, { url => at('/500') }, { url => at('/200') }),
    'fail step 2: status 500', 'the first that fails is told';
is scenario({ url => at('/json'), capture => { id => '/n/0/a~1b', word => '/status' } },
            { url => at('/echo/{id}'), headers => { 'X-One' => 'is {word}' },
              method => 'POST', body => '{"{id}":{other}}',
              matches => 'POST /echo/7 is ok \{"7":\{other\}\}' }),
    'pass ', 'what one captures the next one sends';
is scenario({ url => at('/json'), capture => { id => '/nothing' } }),
    'fail step 1: there is nothing to capture';
is scenario(map { { url => at('/200') } } 1 .. 10), 'pass ', 'ten';
like scenario(map { { url => at('/200') } } 1 .. 11), qr/^422/, 'no eleven';
like scenario(), qr/^422/;
like scenario({ method => 'GET' }), qr/^422 target_invalid/;

for ({ headers => { a => 1 } }, { headers => 'x' }, { matches => '(' }, { steps => [] },
     { path => '/' }, { statuses => ['x'] }, { redirects => 6 })
{
    is check(http => { url => at('/200'), %$_ })->{status}, 422, join ' ', 'no', %$_;
}


# gRPC: what nginx hands out as a file is what such a server answers

my ($h2, $claim) = Pando->port;
my $grpc = "http://127.0.0.1:$h2";
$p->configure(http => $p->{http} =~ s/(pando_outbound_ports)/$1 $h2/r
    . "server { listen 127.0.0.1:$h2 http2; root DIR; default_type application/grpc;
                error_page 405 =200 \$uri; }");

sub serves
{
    system('mkdir', '-p', "$p->{dir}/grpc.health.v1.Health") == 0 or die;
    $p->write('grpc.health.v1.Health/Check', $_[0]);
}

sub asked { my $r = check(grpc => { url => $grpc, @_ })->json; result($r->{id}) }

serves("\0\0\0\0\2\10\1");
$p->reload;
is asked(), 'pass ', 'a server that serves';
is asked(service => 'press.v1.Press'), 'pass ', 'or a service of it';
serves("\0\0\0\0\2\10\2");
is asked(), 'fail it does not serve', 'one that does not';
serves("\0\0\0\0\0");
is asked(), 'fail it does not serve', 'nor one that knows nothing of it';
unlink "$p->{dir}/grpc.health.v1.Health/Check";
is asked(), 'fail status 404', 'what is no such server';
is asked(url => "http://127.0.0.1:$port"), 'fail broken', 'nor speaks HTTP/2';
is check(grpc => { url => $grpc, host => 'x.example' })->json->{code}, 'target_invalid';


# what may be called

for my $url ("http://169.254.169.254/latest/meta-data/",
             "http://127.0.0.2:$port/", "http://10.1.2.3/", "http://[::1]/", "http://0x7f000002/",
             "http://[::ffff:127.0.0.2]/", "http://127.0.0.1:22/", "ftp://example.com/",
             "http://a:b\@example.com/", "file:///etc/passwd", "http://2130706434/")
{
    is check(http => { url => $url })->json->{code}, 'target_not_allowed', "not $url";
    is scenario({ url => at('/200') }, { url => $url }), '422 target_not_allowed', 'nor in a step';
}

my $id = check(http => { url => at('/200') })->json->{id};
is $t->patch("$path/$id", { target => { url => 'http://192.168.1.1/' } })->json->{code},
    'target_not_allowed', 'nor by a change';

is finds('/away', redirects => 3), 'unknown refused_address', 'nor by a redirect';

$dns->are('127.0.0.1');
my $named = check(http => { url => "http://check.example:$port/200" })->json->{id};
is result($named), 'pass ', 'a name that is somewhere allowed';
$dns->are('127.0.0.2');
ok $p->wait_for(sub { result($named) eq 'unknown refused_address' }, 30),
    'and then on this host: refused, when it is connected to';
$dns->are('10.0.0.1');
ok $p->wait_for(sub { result($named) eq 'unknown refused_address' }, 30), 'or in this network';
$dns->are('169.254.169.254');
is result($named), 'unknown refused_address';
$dns->are('127.0.0.1');
ok $p->wait_for(sub { result($named) eq 'pass ' }, 30), 'until it is where it was';


# in its turn, and told

my $turn = check(http => { url => at('/503') }, interval_s => 5, rise => 1, fall => 1,
                 criticality => 'required')->json->{id};
ok $p->wait_for(sub { ($t->states->{web} // [''])->[0] eq 'major_outage' }, 30),
    'its component fails';

done_testing;
