# Requests to others: what is sent, what comes back, and what goes wrong.

use Pando;
use Pando::Elsewhere;
use Digest::SHA qw(sha256_hex hmac_sha256 hmac_sha256_hex);
use Time::HiRes qw(sleep time);

my $answer = \&Pando::Elsewhere::answer;
my $path = '/api/v1/fetcher';

# Of what is asked: /<status>, /to/<status>?<url>, and others by name.
sub behave
{
    my ($s, $rq) = @_;
    my ($at, $query) = $rq->{path} =~ m{^(/[^?]*)\??(.*)};
    my $long = join '', map { sprintf "%08d\n", $_ } 1 .. 2000;

    if ($at eq '/echo') {
        my $text = join '', map { "$_=$rq->{headers}{$_}\n" }
            sort keys %{ $rq->{headers} };
        $s->print($answer->(200, "$rq->{method} $rq->{path}\n$text\n"
            . $rq->{body}, 'X-One' => 'first', 'X-Empty' => ''));
    } elsif ($at =~ m{^/(\d{3})$}) {
        $s->print($answer->($1, "status $1", 'Retry-After' => 7));
    } elsif ($at =~ m{^/to/(\d{3})$}) {
        $s->print($answer->($1, 'elsewhere', Location => $query));
    } elsif ($at eq '/long') {
        $s->print($answer->(200, $long));
    } elsif ($at eq '/chunked') {
        $s->print("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
            . join '', map({ sprintf "%x\r\n%s\r\n", length, $_ }
                           $long =~ /(.{1,1000})/sg), "0\r\n\r\n");
    } elsif ($at eq '/endless') {
        $s->print("HTTP/1.1 200 OK\r\n\r\n");
        1 while $s->print('x' x 65536);
        return 'close';
    } elsif ($at eq '/headers') {
        $s->print("HTTP/1.1 200 OK\r\n");
        1 while $s->print('X-More: ' . 'x' x 1000 . "\r\n");
        return 'close';
    } elsif ($at eq '/drip') {
        $s->print("HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n");
        sleep 0.2 while $s->print('x');
        return 'close';
    } elsif ($at eq '/hang') {
        sleep 60;
        return 'close';
    } elsif ($at eq '/reset') {
        $s->print("HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nhalf");
        return reset_it($s);
    } elsif ($at eq '/deaf') {
        return reset_it($s);
    } elsif ($at eq '/nonsense') {
        $s->print("\x00\x01 this is no HTTP\r\n\r\n");
        return 'close';
    } elsif ($at eq '/continue') {
        $s->print("HTTP/1.1 103 Early Hints\r\nX-One: early\r\n\r\n"
                  . $answer->(200, 'late', 'X-One' => 'late'));
    } else {
        $s->print($answer->(404, 'nothing here'));
    }
}


sub reset_it
{
    setsockopt $_[0], Socket::SOL_SOCKET(), Socket::SO_LINGER(),
        pack 'ii', 1, 0;
    return 'close';
}

my $web = Pando::Elsewhere->web(\&behave);
my $second = Pando::Elsewhere->web(\&behave, host => '127.0.0.1');
my $hidden = Pando::Elsewhere->web(\&behave, host => '127.0.0.9');
my ($port, $other, $secret) = map { $_->port } $web, $second, $hidden;

my $p = Pando->new(domains => ['fetcher'], workers => 1,
    http => "pando_tenant $Pando::Token::TENANT;
             pando_outbound_allow 127.0.0.1 ::1;
             pando_outbound_limits failures=1000 connect=2s;
             pando_outbound_ports $port $other $secret 9;
             pando_outbound_upstream stripe unix:DIR/way.sock:/out/;
             server { listen unix:DIR/way.sock;
                      location /out/ {
                          proxy_set_header Host \$http_host;
                          proxy_pass http://127.0.0.1:$other/; } }",
    server => 'location = /metrics { pando_exposition; }
               client_body_buffer_size 1m; client_max_body_size 1m;');

sub fetch
{
    my ($url, %opt) = @_;
    $url = "http://127.0.0.1:$port$url" if $url =~ m{^/};
    my $r = $p->put("$path/fetch", { url => $url, %opt });
    return $r->json // { error => "status $r->{status}", why => $r->{body} };
}

sub gauge
{
    my ($name) = @_;
    my ($n) = $p->get('/metrics')->{body} =~ /^\Q$name\E ([\d.e+]+)$/m;
    return $n;
}


# what is asked and answered

my $got = fetch('/echo?a=b&c=%20d', want => 'x-one');
is $got->{error}, 'ok', 'an answer comes' or diag explain $got;
is $got->{status}, 200;
like $got->{body}, qr{^GET /echo\?a=b&c=%20d\n}, 'to what was asked';
like $got->{body}, qr{^host=127\.0\.0\.1:$port\n}m;
like $got->{body}, qr{^user-agent=pando/}m;
is $got->{ip}, '127.0.0.1';
is $got->{header}, 'first', 'its headers are known in any case of letters';
is $got->{attempts}, 1;
is fetch('/echo', want => 'x-two')->{header}, undef, 'or are not there';
is fetch('/echo', want => 'X-Empty')->{header}, '', 'or empty';
is fetch('/continue', want => 'X-One')->{header}, 'late',
    'those of an interim answer are not the answer\'s';

$got = fetch('/echo', body => '{"n":1}', headers => { 'X-Mine' => 'yes',
             'Content-Type' => 'application/json', 'X-Void' => '' });
like $got->{body}, qr{^POST /echo\n}, 'with a body it is a POST';
like $got->{body}, qr{\n\n\{"n":1\}$}, 'with that body';
like $got->{body}, qr{^content-type=application/json\n}m, 'and its type';
like $got->{body}, qr{^x-mine=yes\n}m, 'and the headers of the caller';
like $got->{body}, qr{^x-void=\n}m, 'also an empty one';
unlike $got->{body}, qr{^expect=}m, 'none that only costs time';
unlike fetch('/echo', body => 'x')->{body}, qr{^content-type}m,
    'no type is made up';

for my $method (qw(PUT PATCH DELETE OPTIONS PURGE)) {
    like fetch('/echo', method => $method)->{body}, qr{^$method /echo\n},
        $method;
}

$got = fetch('/echo', method => 'HEAD');
is "$got->{status} $got->{body}", '200 ', 'HEAD has no body';
is fetch("/$_")->{status}, $_, "$_ is an answer" for 204, 301, 404, 410, 500;

my $large = 'y' x 300_000;
ok fetch('/echo', body => $large)->{body} =~ /\n\n$large$/, 'large bodies';


# the trace goes on

my $trace = 'a' x 32;
my $r = $p->put("$path/fetch", { url => "http://127.0.0.1:$port/echo" },
                traceparent => "00-$trace-" . 'b' x 16 . '-01');
like $r->json->{body}, qr{^traceparent=00-$trace-[0-9a-f]{16}-01\n}m,
    'the trace goes on there';
unlike $r->json->{body}, qr{^traceparent=.*b{16}}m, 'from our own span';


# connections are kept

$web->forget;
fetch('/echo') for 1 .. 20;
cmp_ok $web->connections, '<=', 1, 'one connection for one after the other';
fetch('/echo', once => JSON::PP::true) for 1 .. 3;
cmp_ok $web->connections, '>=', 3, 'each its own where it must be once';


# limits

is length fetch('/long')->{body}, 18000, 'a long answer';
ok fetch('/chunked')->{body} eq fetch('/long')->{body}, 'in chunks, too';

for ('/long', '/chunked', '/endless') {
    $got = fetch($_, max_body => 5000);
    is $got->{error}, 'too_large', "$_ is cut" or diag explain $got;
    is length $got->{body}, 5000, 'where it was to be';
    is $got->{status}, 200;
}

is fetch('/headers')->{error}, 'too_large', 'endless headers';

my $since = time;
$got = fetch('/drip', timeout_ms => 1200);
is $got->{error}, 'timeout', 'one byte now and then' or diag explain $got;
cmp_ok time - $since, '<', 10 * $Pando::SLOW, 'is cut in time';
like $got->{body}, qr/^x+$/, 'what came is there';
is fetch('/hang', timeout_ms => 300)->{error}, 'timeout', 'no answer at all';


# broken ones, and what is tried again

for (['/reset', 3, 'half'], ['/deaf', 3, ''], ['/nonsense', 3, undef]) {
    my ($at, $most, $body) = @$_;
    $got = fetch($at);
    is $got->{error}, 'broken', "$at" or diag explain $got;
    cmp_ok $got->{attempts}, '<=', $most;
    is $got->{body}, $body if defined $body;
    is fetch($at, body => 'x')->{attempts}, 1, 'a POST is not sent again';
}

my $free = IO::Socket::INET->new(LocalAddr => '127.0.0.1', Listen => 1);
close $free;
is fetch('http://127.0.0.1:9/')->{error}, 'connect', 'nobody listens';

sleep 0.1;
$web->forget;
my ($again, $refused) = (0, 0);

for (1 .. 30) {
    $got = fetch('/503');
    $again += $got->{attempts} - 1;
    is $got->{status}, 503 if $_ == 1;
}

my @asked = $web->requests;
is scalar @asked, 30 + $again, 'attempts are counted';
cmp_ok $again, '<=', 20, 'a host that fails is not asked thrice as often';
is fetch('/503', once => JSON::PP::true)->{attempts}, 1, 'once is once';
is fetch('/500')->{attempts}, 1, '500 is an answer';


# redirects

is fetch("/to/302?/echo")->{status}, 302, 'not followed unless asked for';
$got = fetch('/to/302?/echo', redirects => 3);
is $got->{status}, 200, 'followed when asked for';
is $got->{redirects}, 1;
is $got->{url}, "http://127.0.0.1:$port/echo", 'and it is said where to';
is fetch('/to/302?/to/302?/to/302?/echo', redirects => 2)->{error},
    'redirect', 'so many and no more';
is fetch('/to/302?/to/302?/echo', redirects => 2)->{status}, 200;

my %mine = (Authorization => 'Bearer secret', Cookie => 'a=b',
            'X-Api-Key' => 'secret', Accept => 'text/plain');
like fetch('/to/307?/echo', redirects => 1, headers => \%mine)->{body},
    qr/^authorization=.*^cookie=.*^x-api-key=/ms, 'to the same host all goes';
$got = fetch("/to/307?http://127.0.0.1:$other/echo", redirects => 1,
             headers => \%mine, body => 'x');
unlike $got->{body}, qr/secret|cookie/, 'to another no credentials';
like $got->{body}, qr/^accept=text.plain/m, 'what is plain does';
like $got->{body}, qr/^POST .*\n\nx$/s, '307 keeps method and body';
like fetch("/to/$_?/echo", redirects => 1, body => 'x')->{body},
    qr/^GET .*\n\n$/s, "after $_ it is a GET" for 301, 302, 303;

for my $to ("http://127.0.0.9:$secret/echo", "http://[::ffff:127.0.0.1]/",
            "http://169.254.169.254/latest/", "http://10.0.0.1/",
            "//127.0.0.9:$secret/echo")
{
    my $url = $to =~ m{:\d+/|127} ? $to : $to;
    $got = fetch("/to/302?$url", redirects => 5);
    is $got->{error}, 'refused_address', "no redirect to $to"
        or diag explain $got;
}

is fetch('/to/302?' . $_, redirects => 1)->{error}, 'redirect', "nor to $_"
    for 'ftp://127.0.0.1/', 'file:///etc/passwd', "http://u:p\@127.0.0.1/",
        'http://', 'gopher://127.0.0.1/';
is $hidden->connections, 0, 'who is not to be called was not';


# what is refused before anything is sent

$web->forget;

for my $h ({ "X-A\r\nB" => 1 }, { 'X A' => 1 }, { '' => 1 }, { 'X:' => 1 },
           { Host => 'other' }, { 'content-length' => '0' },
           { 'Transfer-Encoding' => 'chunked' }, { 'X-A' => "b\r\nX-B: c" },
           { 'X-A' => "b\nc" }, { 'X-A' => "b\x{7f}" }, { 'X-A' => "\x01" })
{
    my ($name, $value) = %$h;
    s/([^ -~])/sprintf '\\x%02x', ord $1/ge for $name, $value;
    is fetch('/echo', headers => $h)->{error}, 'bad_url',
        "header '$name: $value'";
}

is fetch('/echo', method => $_)->{error}, 'bad_url', 'a method that is none'
    for "GET /x", "G\nT", '', 'X' x 40;
is $web->connections, 0, 'nothing of it was sent';


# an upstream of this deployment

$second->forget;
$got = fetch('https://api.stripe.example/v1/charges?x=1',
             upstream => 'stripe', body => 'amount=1');
is $got->{error}, 'ok', 'a provider that is reached over an upstream'
    or diag explain $got;
my ($seen) = $second->requests;
is $seen->{path}, '/v1/charges?x=1', 'the path is the URL\'s';
is $seen->{headers}{host}, 'api.stripe.example', 'so is the host';
is fetch('/echo', upstream => 'unknown')->{status}, 200,
    'one that is not set is asked directly';


# a signature, checked by other means

$second->forget;
fetch("http://127.0.0.1:$other/bucket/a%20b?prefix=x/y&list", sign => JSON::PP::true,
      method => 'PUT', body => 'hello',
      headers => { 'x-amz-acl' => 'private', 'X-Other' => 'unsigned' });
($seen) = $second->requests;
like $seen->{headers}{authorization} // '',
    qr{^AWS4-HMAC-SHA256 Credential=AKIA\w+/(\d{8})/us-east-1/s3/aws4_request,},
    'it is signed';
my ($day, $list, $signature) = ($seen->{headers}{authorization} // '')
    =~ m{/(\d{8})/.*SignedHeaders=([^,]*),Signature=(\w+)};
is $list, 'host;x-amz-acl;x-amz-content-sha256;x-amz-date';
my $canonical = join "\n", 'PUT', '/bucket/a%20b', 'list=&prefix=x%2Fy',
    (map { "$_:$seen->{headers}{$_}" } split /;/, $list // ''), '', $list // '',
    sha256_hex('hello');
my $key = 'AWS4wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY';
$key = hmac_sha256($_, $key) for $day // '', qw(us-east-1 s3 aws4_request);
is $signature, hmac_sha256_hex(join("\n", 'AWS4-HMAC-SHA256',
    $seen->{headers}{'x-amz-date'}, "$day/us-east-1/s3/aws4_request",
    sha256_hex($canonical)), $key), 'as who checks it would';


# it is counted, and the log tells no secrets

cmp_ok gauge('pando_outbound_requests_total{kind="http",outcome="2xx"}'), '>',
    20, 'answers are counted';
cmp_ok gauge("pando_outbound_requests_total{kind=\"http\",outcome=\"$_\"}"),
    '>', 0, "$_ is counted"
    for qw(3xx 4xx 5xx timeout connect broken too_large bad_url redirect
           refused_address);
cmp_ok gauge('pando_outbound_retries_total'), '>=', $again;
cmp_ok gauge('pando_outbound_duration_seconds_count{kind="http"}'), '>', 50;
is gauge('pando_outbound_transfers'), 0, 'none is under way';
like $p->log, qr/outbound GET 127\.0\.0\.1:$port: timeout/, 'it is logged';
unlike $p->log, qr/Bearer secret|wJalrXUt|x=1|amount=1/, 'without secrets';

done_testing;
