# Every route of every domain, put to the probes that Pando::Probes makes from
# the API's own document: who may not, does not; what is wrong, is refused and
# said to be; nothing makes the server fail, and nothing is left behind.

use Pando;
use Pando::Peers;
use Pando::Probes;

# Faults that are known, each as the route and the words of the complaint.
my @KNOWN;

my @domains = map { m{/([^/]+)/$} } glob "$Pando::ROOT/modules/*/";
my $p = Pando->new(domains => \@domains,
    http => "pando_tenant $Pando::Token::OTHER; lingering_timeout 100ms;
             client_max_body_size 1m; client_body_buffer_size 1m;
             pando_set scheduler.operators $Pando::Token::TENANT;",
    server => 'location = /openapi.json { pando_openapi; }
               location = /gauges { pando_exposition; }
               location / { return 404; }
               location = /problem { internal; pando_problems; }
               error_page 400 404 405 408 411 413 414 429 431
                          500 502 503 504 /problem;');
my $text = $p->get('/openapi.json')->{body};
my $doc = JSON::PP->new->utf8->decode($text);

open my $seen, '>', "$p->{dir}/seen" or die "$p->{dir}/seen: $!\n";

my $probes = Pando::Probes->new($p, $doc, seen => $seen)->populate;
my @routes = $probes->routes;

note "a row by POST $_" for sort keys %{ $probes->{rows} };
note "no row by $_->{name}: $_->{said}" for grep { $_->{said} } @routes;
cmp_ok scalar keys %{ $probes->{rows} }, '>', 0, 'there are rows of tenant A';

# Without a row of its own a collection is probed by ids of nobody: the example
# of its POST has to make one, where it needs no row of another.
for my $route (grep { $_->{said} && $_->{answers}{201} && $_->{path} !~ /\{/ } @routes) {
    next if grep { /_id$/ } @{ $route->{takes}{required} // [] };
    my @wrong = unknown($route, "no row of its example: $route->{said}");
    ok !@wrong, "$route->{name}: the example makes a row" or diag @wrong;
}


# Strangers first, while all of A's rows are there

my $rows = $probes->snapshot;

for my $route (@routes) {
    my @wrong = unknown($route, $probes->probe($route, 'tenant'));
    ok !@wrong, "$route->{name}: tenant" or diag join "\n", @wrong;
}

is_deeply $probes->snapshot, $rows, 'the rows of A are as they were';


# All the rest

my @rest = grep { $_ ne 'tenant' } $probes->kinds;

for my $route (@routes) {
    my @wrong = unknown($route, $probes->probe($route, @rest));
    ok !@wrong, $route->{name} or diag join "\n", @wrong;
}

for my $route (sort { length $b->{path} <=> length $a->{path} } @routes) {
    next unless $route->{method} eq 'DELETE' && $probes->owned($route);
    my $r = $p->delete($probes->path($route), token => $probes->owner);
    like $r->{status}, qr/^20[024]$/, "$route->{name}: A deletes its own" or diag $r->{body};
}

ok $p->wait_for(sub { gauges() !~ / (?!0$)/m }), 'flows and pools are at rest'
    or diag gauges();


close $seen;

subtest 'the schemas say the same' => sub {
    Pando::Peers::told(Pando::Peers::python('validate.py', $p->write('openapi.json', $text),
                                            "$p->{dir}/seen"));
};


note "no longer so, take it out of \@KNOWN: $_->[0] $_->[1]" for grep { !$_->[2] } @KNOWN;


# What the probes are worth: a server that answers all with yes, or with 500,
# fails each kind by what that kind wants.

my @bad = map {
    Pando::Probes->new(Pando->new(domains => [], conf => bad($_)), $doc,
        rows => $probes->{rows}, keys => $probes->{keys}, judge => sub { })
} 200, 500;

for my $kind ($probes->kinds) {
    $_->{judge} = \&Pando::Probes::Judge::sound for $kind eq 'value' ? @bad : ();
    ok found_out($kind), "$kind: a bad server is found out";
    $_->{judge} = sub { } for @bad;
}

for (
    [ qr/no answer/, 0 ],
    [ qr/it is no JSON/, 200, '{' ],
    [ qr/its type is text\/html/, 200, '{}', 'Content-Type' => 'text/html' ],
    [ qr/418 is not told of|418 of type/, 418 ],
    [ qr/404 of type application\/json/, 404 ],
    [ qr/a problem without code/, 404, problem(404, 'not_found', code => undef) ],
    [ qr/status 400 in a 404/, 404, problem(404, 'not_found', status => 400) ],
    [ qr/404 made_up is not told of/, 404, problem(404, 'made_up') ],
    [ qr/another request id/, 404, problem(404, 'not_found', request_id => 'x') ],
    [ qr/of the inside/, 404, problem(404, 'not_found', detail => 'at pando_tx.c:12') ],
    [ qr/500 internal/, 500, problem(500, 'internal') ],
    [ qr/503 busy/, 503, problem(503, 'busy') ],
    [ qr/503 without Retry-After/, 503, problem(503, 'busy') ],
    [ qr/401 without WWW-Authenticate/, 401, problem(401, 'unauthorized') ],
    [ qr/a header of the client/, 200, '{}', 'X-Made-Up' => 1 ],
) {
    my ($says, $status, $body, %head) = @$_;
    my ($get) = grep { $_->{method} eq 'GET' && $probes->owned($_) } @routes;
    my @said = Pando::Probes::Judge::sound($probes->{api}, $get,
        reply($status, $body // '{}', %head), 'GET');
    like join("\n", @said), $says, "the judge says: $says";
}


sub found_out
{
    my ($kind) = @_;

    for my $route (@routes) {
        return 1 if grep { $_->probe($route, $kind) } @bad;
    }

    return 0;
}


sub gauges
{
    my $text = $p->get('/gauges')->{body};
    return join "\n", sort $text
        =~ /^(pando_(?:flows_running|db_pool_(?:busy|waiting|in_flight))\S* \S+)$/mg;
}


sub unknown
{
    my ($route, @wrong) = @_;

    for my $known (grep { $route->{name} =~ $_->[0] } @KNOWN) {
        my @rest = grep { $_ !~ $known->[1] } @wrong;
        $known->[2] += @wrong - @rest;
        @wrong = @rest;
    }

    return @wrong;
}


sub bad
{
    my ($status) = @_;
    my $user = $> == 0 ? 'user root;' : '';

    return "MODULES $user pid DIR/nginx.pid; error_log DIR/error.log;
        events { } http { access_log off; client_body_temp_path DIR/tmp/body;
        proxy_temp_path DIR/tmp/proxy; fastcgi_temp_path DIR/tmp/fastcgi;
        uwsgi_temp_path DIR/tmp/uwsgi; scgi_temp_path DIR/tmp/scgi;
        lingering_timeout 100ms; client_max_body_size 0;
        server { listen 127.0.0.1:PORT; location / {
            if (\$request_method = HEAD) { return 404; }
            return $status '{}'; } } }";
}


sub problem
{
    my ($status, $code, %set) = @_;
    my %problem = (type => "/docs/problems#$code", title => 'x', status => $status,
        code => $code, detail => 'x', request_id => 'r', %set);

    return JSON::PP->new->encode(\%problem), 'Content-Type' => 'application/problem+json';
}


sub reply
{
    my ($status, $body, %head) = @_;
    %head = ('X-Request-Id' => 'r', 'Content-Type' => 'application/json',
             'Content-Length' => length $body, %head);

    return Pando::Reply->new($status ? join "\r\n", "HTTP/1.1 $status X",
        (map { "$_: $head{$_}" } sort keys %head), '', $body : '');
}

done_testing;
