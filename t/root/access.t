# Who is asking: tokens of every kind, scopes, tenants, the log's variables.

use Pando;
use MIME::Base64 qw(encode_base64url);

my $p = Pando->new(domains => ['probe'], workers => 1,
    keys => [qw(HS256 RS256 ES256)],
    http => 'log_format who "$pando_user $pando_tenant $pando_refusal";',
    server => 'access_log DIR/who.log who;');
my $path = '/api/v1/probes';
my $id = $p->post($path, { name => 'kept' },
                  token => { scope => 'probe:admin' })->json->{id};

sub status { $p->get($path, @_)->{status} }


# signatures

is status(token => $p->token(_alg => $_, scope => 'probe:read')), 200,
    "a token by $_" for qw(HS256 RS256 ES256);

my $good = $p->token(scope => 'probe:read');
my ($head, $body, $seal) = split /\./, $good;

is status(token => "$head.$body." . scalar reverse $seal), 401, 'a bad seal';
is status(token => "$head.$body."), 401, 'no seal';
is status(token => "$head.$body"), 401, 'two parts';
is status(token => encode_base64url('{"alg":"none"}') . ".$body."), 401,
    'alg none';
is status(token => 'x' x 8000), 401, 'eight thousand bytes';
is status(token => ''), 401, 'an empty one';
is status(Authorization => 'Basic dTpw'), 401, 'basic';
is status(Authorization => $good), 401, 'no scheme';
is status(Authorization => "bearer $good"), 200, 'the scheme in any case';

my $r = $p->get($path, token => 'junk');
is $r->header('WWW-Authenticate'), 'Bearer error="invalid_token"';
is $p->get($path)->header('WWW-Authenticate'), 'Bearer';


# what it says

my $now = time;

for (
    [ 401, 'over', exp => $now - 120 ],
    [ 200, 'over, within the leeway', exp => $now - 20 ],
    [ 401, 'not yet', nbf => $now + 120 ],
    [ 401, 'without an end', exp => undef ],
    [ 401, 'of another issuer', iss => 'https://else.test' ],
    [ 401, 'for another audience', aud => 'else' ],
    [ 200, 'for several', aud => [ 'else', 'pando' ] ],
    [ 401, 'whose tenant is no id', tid => 'me' ],
    [ 403, 'of no tenant', tid => undef ],
) {
    my ($status, $what, %claims) = @$_;
    $claims{aud} = [ 'else', $Pando::Token::AUDIENCE ] if ref $claims{aud};
    is status(token => { scope => 'probe:read', %claims }), $status,
        "a token $what";
}

is $p->get($path, token => { scope => 'probe:read', exp => $now - 120 })
    ->json->{code}, 'token_expired', 'an old one is told apart';


# scopes

for (
    [ '', 403 ], [ 'probe:read', 200 ], [ 'probe:write', 200 ],
    [ 'probe:admin', 200 ], [ 'other:admin', 403 ], [ 'probe:reader', 403 ],
    [ 'probe', 403 ], [ 'aprobe:read', 403 ], [ 'a b probe:read c', 200 ],
    [ 'PROBE:READ', 403 ], [ 'probe:', 403 ],
) {
    my ($scope, $status) = @$_;
    is status(token => { scope => $scope }), $status, "scope '$scope' reads";
}

is $p->post($path, { name => 'x' }, token => { scope => 'probe:read' })
    ->{status}, 403, 'who may read may not write';
is $p->delete("$path/$id", token => { scope => 'probe:write' })->{status}, 403,
    'who may write is no admin';


# tenants: of another there is nothing

my %other = (token => { scope => 'probe:admin',
                        tid => '00000000-0000-7000-8000-0000000000a2' });

my $there = $p->get("$path/$id", %other);
my $nowhere = $p->get("$path/01890000-0000-7000-8000-000000000000", %other);

is $there->{status}, 404, 'a row of another tenant';
is $there->{body} =~ s/"request_id.*//r, $nowhere->{body} =~ s/"request_id.*//r,
    'is told as one that is nowhere';
is $p->patch("$path/$id", { note => 'x' }, %other)->{status}, 404;
is $p->delete("$path/$id", %other)->{status}, 404;
is scalar @{ $p->get($path, %other)->json->{data} }, 0, 'in lists, too';
is $p->post($path, { name => 'kept' }, %other)->{status}, 201,
    'a name that is taken there is free here';
is $p->get("$path/$id", token => { scope => 'probe:read' })->json->{name},
    'kept', 'and nothing was changed';


# a token that was remembered ends in time

my $short = $p->token(scope => 'probe:read', exp => $now - 57);
is status(token => $short), 200, 'a token in its last seconds';
ok $p->wait_for(sub { status(token => $short) == 401 }, 8), 'ends';
is status(token => $good), 200, 'a good one goes on';


# keys that are replaced on reload

$p->{tokens} = Pando::Token->new($p->{dir}, 'HS256');
$p->reload;
is status(token => $good), 401, 'a key that is gone';
is status(token => { scope => 'probe:read' }), 200, 'and the one in its place';


# what the log knows

like $p->log('who.log'),
    qr/^[0-9a-f-]{36} [0-9a-f-]{36} -$/m, 'user and tenant';
like $p->log('who.log'), qr/^- - the token has expired$/m, 'or why not';
unlike $p->log . $p->log('who.log'), qr/\Q$seal\E/, 'but never a token';

done_testing;
