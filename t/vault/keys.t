# Keys: made, rotated, disabled, destroyed, and used by who was granted it.

use FindBin;
use lib $FindBin::Bin;
use Pando;
use JSON::PP;
use Safe;

my $t = Safe->new(workers => 2);
my $p = $t->{p};


# Keys

my $add = 'POST /vault/keys';
my $key = $t->works($t->post('/vault/keys', { name => 'orders.cards', type => 'aes256-gcm' }),
    $add, 201);
is_deeply [ @$key{qw(name type state latest_version min_decrypt_version rotate_days)} ],
    [ 'orders.cards', 'aes256-gcm', 'active', 1, 1, undef ], 'a key';
$t->fails($t->post('/vault/keys', { name => 'orders.cards', type => 'ed25519' }), $add,
    'key_exists', '/name');
is $t->post('/vault/keys', { name => 'x', type => 'des' })->{status}, 422, 'of a type there is';
is $t->post('/vault/keys', { name => 'X y', type => 'aes256-gcm' })->{status}, 422;
is $t->post('/vault/keys', { name => 'x', type => 'aes256-gcm', tenant_id =>
    $Pando::Token::OTHER })->{status}, 422, 'nobody says whose';
$t->key($_) for qw(a.b c);
is_deeply [ map { $_->{name} } @{ $t->works($t->get('/vault/keys?limit=2'), 'GET /vault/keys',
    200)->{data} } ], [qw(a.b c)], 'are listed';
is scalar @{ $t->get('/vault/keys', token => $Safe::OTHER)->json->{data} }, 0,
    'another tenant has none of them';
$t->fails($t->get('/vault/keys/orders.cards', token => $Safe::OTHER), 'GET /vault/keys/{name}',
    'not_found');
unlike $p->sql('SELECT wrapped FROM vault.key_versions LIMIT 1'), qr/[^\w-]/,
    'what is kept is wrapped';


# Grants: nobody may anything that none says

my $encrypt = 'POST /vault/keys/{name}/encrypt';
my $item = { items => [ { data => Safe::b64('x') } ] };
$t->fails($t->post('/vault/keys/c/encrypt', $item), $encrypt, 'operation_not_granted', undef,
    'not even an admin');
my $grants = 'POST /vault/grants';
my $user = "user:$Pando::Token::USER";
my $g = $t->works($t->post('/vault/grants', { principal => $user, keys => 'c',
    operations => ['encrypt'] }), $grants, 201);
is $t->post('/vault/keys/c/encrypt', $item)->{status}, 200, 'one lets him';
is $t->post('/vault/keys/a.b/encrypt', $item)->{status}, 403, 'with this key';
is $t->post('/vault/keys/c/decrypt', $item)->{status}, 403, 'do this';
is $t->post('/vault/keys/c/encrypt', $item, token => $p->token(scope => 'vault:write',
    sub => $Pando::Routes::NOBODY))->{status}, 403, 'and nobody else';
is $t->post('/vault/keys/c/encrypt', $item, token => $p->token(scope => 'vault:read'))->{status},
    403, 'nor without the scope';
$t->fails($t->post('/vault/grants', { principal => $user, keys => 'c',
    operations => ['decrypt'] }), $grants, 'grant_exists');
is $t->post('/vault/grants', { principal => 'client:app', keys => 'a.*', operations => [qw(
    encrypt decrypt)] })->{status}, 201, 'by a client, for keys that begin alike';
my %app = (token => $p->token(scope => 'vault:write', client_id => 'app',
    sub => $Pando::Routes::NOBODY));
is $t->post('/vault/keys/a.b/encrypt', $item, %app)->{status}, 200;
is $t->post('/vault/keys/c/encrypt', $item, %app)->{status}, 403;
is $t->post('/vault/grants', { principal => $_, keys => 'a', operations => ['sign'] })
    ->json->{errors}[0]{pointer}, '/principal', "principal $_" for qw(user: me client: **);
is $t->post('/vault/grants', { principal => '*', keys => $_, operations => ['sign'] })
    ->json->{errors}[0]{pointer}, '/keys', "keys $_" for qw(*a a*b);
is $t->post('/vault/grants', { principal => '*', keys => 'a', operations => [qw(sign sign)] })
    ->{status}, 422;
$t->works($t->get("/vault/grants/$g->{id}"), 'GET /vault/grants/{id}', 200);
$t->fails($t->get("/vault/grants/$g->{id}", token => $Safe::OTHER), 'GET /vault/grants/{id}',
    'not_found');
$t->fails($t->delete("/vault/grants/$g->{id}", 'If-Match' => '"v9"'),
    'DELETE /vault/grants/{id}', 'precondition_failed');
is scalar @{ $t->works($t->get('/vault/grants'), 'GET /vault/grants', 200)->{data} }, 2;
$t->works($t->delete("/vault/grants/$g->{id}"), 'DELETE /vault/grants/{id}', 204);
is $t->post('/vault/keys/c/encrypt', $item)->{status}, 403, 'taken back';
$t->grant('*');


# Rotation: what older versions sealed opens, until the least version rises

my $rotate = 'POST /vault/keys/{name}/rotate';
my $one = $t->sealed('orders.cards', 'one');
like $one, qr/^pv1:[\w-]{22}:1:/, 'sealed by version 1';
is $t->works($t->post('/vault/keys/orders.cards/rotate', undef), $rotate, 200)->{latest_version},
    2, 'rotated';
my $two = $t->sealed('orders.cards', 'two');
like $two, qr/^pv1:[\w-]{22}:2:/, 'sealed by version 2';
is $t->opened('orders.cards', $one), 'one', 'the old one opens';
is $t->opened('orders.cards', $two), 'two';
my ($r) = $t->run('orders.cards', 'rewrap', { data => $one });
like $r->{data}, qr/^pv1:[\w-]{22}:2:/, 'and is sealed anew';
is $t->opened('orders.cards', $r->{data}), 'one';
($r) = $t->run('orders.cards', 'rewrap', { data => $two });
is $r->{data}, $two, 'what is new stays as it is';

my $patch = 'PATCH /vault/keys/{name}';
$t->fails($t->patch('/vault/keys/orders.cards', { min_decrypt_version => 3 }), $patch,
    'version_out_of_order');
$t->fails($t->patch('/vault/keys/orders.cards', { rotate_days => 3 }, 'If-Match' => '"v77"'),
    $patch, 'precondition_failed');
is $t->works($t->patch('/vault/keys/orders.cards', { min_decrypt_version => 2,
    rotate_days => 90 }), $patch, 200)->{min_decrypt_version}, 2;
is $t->opened('orders.cards', $one), 'version_too_old', 'a version below does not open';
is $t->opened('orders.cards', $two), 'two';
is $t->patch('/vault/keys/orders.cards', { rotate_days => undef })->json->{rotate_days}, undef,
    'it need not rotate by itself';
is $t->patch('/vault/keys/nothing', { rotate_days => 5 })->{status}, 404;
$t->fails($t->post('/vault/keys/nothing/rotate', undef), $rotate, 'not_found');

my @all = $p->parallel(map { [ POST => '/api/v1/vault/keys/a.b/rotate', token => $t->{token} ] }
    1 .. 100);
is scalar(grep { $_->{status} == 200 } @all), 100, 'a hundred rotations at once';
is_deeply [ sort { $a <=> $b } map { $_->json->{latest_version} } @all ], [ 2 .. 101 ],
    'make a hundred versions';
is $p->sql("SELECT count(*) || ' ' || max(v.version) FROM vault.key_versions AS v JOIN
    vault.keys AS k ON k.id = v.key_id WHERE name = 'a.b'"), '101 101';


# Disabled, and destroyed

my $disable = 'POST /vault/keys/{name}/disable';
is $t->works($t->post('/vault/keys/c/disable', undef), $disable, 200)->{state}, 'disabled';
$t->fails($t->post('/vault/keys/c/disable', undef), $disable, 'wrong_state');
$t->fails($t->post('/vault/keys/nothing/disable', undef), $disable, 'not_found');
$t->fails($t->post('/vault/keys/c/encrypt', $item), $encrypt, 'key_disabled', undef,
    'it is not used then, by no worker') for 1 .. 8;
$t->fails($t->post('/vault/keys/c/rotate', undef), $rotate, 'key_disabled');
my $enable = 'POST /vault/keys/{name}/enable';
$t->works($t->post('/vault/keys/c/enable', undef), $enable, 200);
$t->fails($t->post('/vault/keys/c/enable', undef), $enable, 'wrong_state');
my $kept = $t->sealed('c', 'kept');

my $destroy = 'POST /vault/keys/{name}/destroy';
is $t->post('/vault/keys/c/destroy', {}, token => $p->token(scope => 'vault:admin'))
    ->json->{code}, 'step_up_required', 'who signed in long ago does not destroy';
is $t->post('/vault/keys/c/destroy', { days => 1 })->{status}, 422, 'nobody does at once';
my $doomed = $t->works($t->post('/vault/keys/c/destroy', { days => 7 }), $destroy, 200);
is $doomed->{state}, 'pending_destroy';
ok $doomed->{destroy_at}, 'in some days';
$t->fails($t->post('/vault/keys/c/destroy', {}), $destroy, 'wrong_state');
is $t->post('/vault/keys/c/decrypt', { items => [ { data => $kept } ] })->{status}, 409,
    'till then nobody uses it';
my $cancel = 'POST /vault/keys/{name}/cancel-destroy';
is $t->works($t->post('/vault/keys/c/cancel-destroy', undef), $cancel, 200)->{state}, 'disabled';
$t->fails($t->post('/vault/keys/c/cancel-destroy', undef), $cancel, 'wrong_state');
$t->post('/vault/keys/c/enable', undef);
is $t->opened('c', $kept), 'kept', 'or it is kept';
$t->post('/vault/keys/c/destroy', {});
$p->sql("UPDATE vault.keys SET destroy_at = now() WHERE name = 'c'");
is $p->sql('SELECT vault.destroy_due(10)'), 1, 'on its day';
is $p->sql("SELECT count(*) FROM vault.key_versions AS v JOIN vault.keys AS k ON k.id = v.key_id
    WHERE name = 'c' AND wrapped IS NOT NULL"), 0, 'nothing of it is left';
$t->patch('/vault/keys/a.b', { rotate_days => 30 });
$t->fails($t->post('/vault/keys/c/encrypt', $item), $encrypt, 'key_destroyed');
$t->fails($t->post('/vault/keys/c/rotate', undef), $rotate, 'key_destroyed');
$t->fails($t->post('/vault/keys', { name => 'c', type => 'aes256-gcm' }), $add, 'key_exists',
    '/name', 'its name stays taken');


# Public halves

my $public = 'GET /vault/keys/{name}/public';
$t->key('signs', 'ed25519');
$t->post('/vault/keys/signs/rotate', undef);
my $halves = $t->works($t->get('/vault/keys/signs/public'), $public, 200)->{data};
is_deeply [ map { $_->{version} } @$halves ], [ 2, 1 ], 'the public halves of both versions';
is length Safe::unb64($halves->[0]{spki}), 44, 'as SubjectPublicKeyInfo';
$t->fails($t->get('/vault/keys/a.b/public'), $public, 'not_found');
is $p->sql("SELECT count(*) FROM pando.outbox WHERE type = 'vault.key_rotated'"), 102,
    'each rotation is told';
is $p->sql("SELECT string_agg(type, ' ' ORDER BY seq) FROM pando.outbox WHERE subject =
    (SELECT id FROM vault.keys WHERE name = 'c')"), 'vault.key_created vault.key_disabled '
    . 'vault.destroy_scheduled vault.destroy_scheduled vault.key_destroyed', 'and each end';


# A node whose key is not the one that wraps: it refuses

$t->at_another($t->{p}->write('other', 'b' x 64), sub {
    $t->fails($t->post('/vault/keys', { name => 'd', type => 'ed25519' }), $add, 'vault_sealed');
    $t->fails($t->post('/vault/keys/a.b/rotate', undef), $rotate, 'vault_sealed');
    my $status = $t->works($t->get('/vault/status'), 'GET /vault/status', 200);
    is $status->{sealed}, JSON::PP::true, 'and says so';
    is_deeply [ map { "$_->{kind} $_->{state} $_->{wraps}" } @{ $status->{keks} } ],
        [ 'secret active 105' ];
});
is $t->get('/vault/status')->json->{sealed}, JSON::PP::false, 'here it is open';

$t->all_provoked('vault_keys.c', 'vault_grants.c');
done_testing;
