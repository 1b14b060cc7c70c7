# The guard of any location: tokens, scopes and the strength of a sign-in are
# asked for in front of what nginx serves or proxies; what is behind it learns
# who asks from nginx alone.

use Pando;

my $p = Pando->new(domains => ['probe'], server => <<'END');
location /behind/ {
    internal;
    return 200 "never";
}
location /echo {
    set $who "$http_x_user|$http_x_tenant|$http_x_scopes";
    return 200 "$who|$http_x_acr|$http_x_actor|$http_x_client|$http_x_session";
}
location /app/ {
    pando_auth on;
    pando_scope app:read;
    proxy_pass http://127.0.0.1:PORT/echo;
    proxy_set_header Authorization "";
    proxy_set_header X-User $pando_user;
    proxy_set_header X-Tenant $pando_tenant;
    proxy_set_header X-Scopes $pando_scopes;
    proxy_set_header X-Acr $pando_acr;
    proxy_set_header X-Actor $pando_actor;
    proxy_set_header X-Client $pando_client;
    proxy_set_header X-Session $pando_session;

    location /app/admin/ {
        pando_scope app:admin other:read;
        pando_acr 2 max_age=5m;
        proxy_pass http://127.0.0.1:PORT/echo;
    }
    location /app/open/ {
        pando_auth off;
        root DIR;
    }
}
location /maybe {
    pando_auth optional;
    proxy_pass http://127.0.0.1:PORT/echo;
    proxy_set_header X-User $pando_user;
}
location /either {
    satisfy any;
    allow 127.0.0.2;
    deny all;
    pando_auth on;
    proxy_pass http://127.0.0.1:PORT/echo;
}
location /files/ {
    pando_auth on;
    alias DIR/;
}
location /api/v1/probes/greeting {
    pando_auth on;
    pando_probe;
}
END

my ($user, $tenant) = ($Pando::Token::USER, $Pando::Token::TENANT);
my $other = '01939bd0-0000-7000-8000-000000000077';

sub status { $p->get(@_)->{status} }


# Who is nobody, or may not

my $r = $p->get('/app/x');
is $r->{status}, 401, 'without a token';
is $r->header('Content-Type'), 'application/problem+json', 'a problem';
is $r->json->{code}, 'unauthorized';
is $r->header('WWW-Authenticate'), 'Bearer';
ok $r->header('X-Request-Id'), 'with the id of the request';
$r = $p->get('/app/x', token => 'junk');
is $r->{status}, 401;
is $r->header('WWW-Authenticate'), 'Bearer error="invalid_token"', 'with a bad one';
is $p->get('/app/x', token => { scope => 'app:read', exp => time - 120 })->json->{code},
    'token_expired', 'with an old one';
$r = $p->get('/app/x', token => { scope => 'other:read' });
is $r->{status}, 403, 'of another scope';
is $r->header('WWW-Authenticate'), 'Bearer error="insufficient_scope", scope="app:read"',
    'which is said';
is $p->post('/app/x', { a => 'x' x 5000 })->{status}, 401, 'a body is thrown away';
is status('/app/x', token => { scope => 'app:read' }), 200, 'and the connection goes on';


# What is behind learns who asks

my %all = (scope => 'app:read a', acr => '2', auth_time => time, client_id => 'me',
    sid => $other, act => { sub => $other });
$r = $p->get('/app/x', token => \%all);
is $r->{body}, "$user|$tenant|app:read a|2|$other|me|$other", 'who asks';
is $p->get('/app/x', token => { scope => 'app:write' }, 'X-User' => 'root', 'X-Acr' => '9',
    'X-Actor' => 'root')->{body}, "$user|$tenant|app:write|0|||",
    'not what a client says of itself';
is $p->get('/app/x', token => { scope => 'app:read', acr => 'urn:else' })->{body}
    =~ s/^(.*?\|){3}//r, '0|||', "another's word for a level is none";


# How they signed in

for ([ 401, 'at no known time', acr => '2' ],
    [ 401, 'too long ago', acr => '2', auth_time => time - 400 ],
    [ 401, 'too weakly', acr => '1', auth_time => time ],
    [ 200, 'well and lately', acr => '2', auth_time => time - 100 ],
    [ 200, 'better', acr => '3', auth_time => time ])
{
    my ($status, $how, %with) = @$_;
    is status('/app/admin/x', token => { scope => 'app:admin other:read', %with }), $status,
        "who signed in $how";
    is status('/api/v1/probes/vault', token => \%with), $status, 'the same for a route';
}

$r = $p->get('/app/admin/x', token => { scope => 'app:admin other:read' });
is $r->json->{code}, 'step_up_required', 'it is told';
is $r->header('WWW-Authenticate'), 'Bearer error="insufficient_user_authentication", '
    . 'acr_values="2", max_age="300"', 'what would do';
is $p->get('/api/v1/probes/vault', token => { acr => '1' })->header('WWW-Authenticate'),
    'Bearer error="insufficient_user_authentication", acr_values="2", max_age="300"';
is status('/app/admin/x', token => { scope => 'app:admin', acr => '2', auth_time => time }), 403,
    'each scope is needed';


# Less, and other things

is status('/app/open/nothing'), 404, 'a location within may be open';
is status('/files/nginx.conf'), 401, 'files';
is status('/files/nginx.conf', token => {}), 200;
is $p->get('/maybe')->{body}, '||||||', 'optional: nobody';
like $p->get('/maybe', token => {})->{body}, qr/^\Q$user\E\|/, 'or somebody';
is status('/maybe', token => 'junk'), 401, 'but no junk';
is status('/either'), 401, 'any of several guards';
is status('/either', token => {}), 200, 'is enough';
is status('/api/v1/probes/greeting'), 401, 'a public route behind a guard';
is status('/api/v1/probes/greeting', token => {}), 200;
is status('/behind/'), 404;


# Wrong settings

for (
    [ 'location /x { pando_scope a:read; }', qr/guard nothing.*"pando_auth" is off/ ],
    [ 'location /x { pando_acr 2; }', qr/guard nothing/ ],
    [ 'pando_auth on; location /x { pando_auth off; pando_acr 1; }', qr/guard nothing/ ],
    [ 'location /x { pando_auth on; pando_acr two; }', qr/"two" is no level/ ],
    [ 'location /x { pando_auth on; pando_acr 2 5m; }', qr/is set by max_age=5m/ ],
    [ 'location /x { pando_auth on; pando_scope "a b"; }', qr/"a b" is no scope/ ],
    [ 'location /x { pando_auth on; pando_scope a; pando_scope b; }', qr/is duplicate/ ],
    [ 'location /x { pando_auth sure; }', qr/invalid value "sure"/ ],
) {
    my ($conf, $says) = @$_;
    my $bad = Pando->new(domains => ['probe'], start => 0, server => $conf);
    my ($said, $content) = $bad->check;
    ok !$content, $conf;
    like $said, $says, 'is refused';
    $bad->expect($says);
}

done_testing;
