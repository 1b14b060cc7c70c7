# What is done with keys: sealed for one context alone, signed as others verify
# it, in thousands, and by modules with their own keys.

use FindBin;
use lib $FindBin::Bin;
use Pando;
use Safe;
use File::Temp;
use JSON::PP;

my $t = Safe->new(workers => 2, domains => ['vault', 'keeper']);
my $p = $t->{p};
my @row = qw(orders note 17);
$t->grant('*');


# Each kind that seals

for my $type (qw(aes256-gcm chacha20-poly1305 aes256-siv)) {
    my $name = $type =~ tr/-/./r;
    $t->key($name, $type);
    my $sealed = $t->sealed($name, 'secret', @row);

    is $t->opened($name, $sealed, @row), 'secret', "$type: sealed and opened";
    is(($t->sealed($name, 'secret', @row) eq $sealed) || 0, $type eq 'aes256-siv' || 0,
        'only SIV seals alike');
    is $t->opened($name, $sealed, @$_), 'not_opened', 'not for ' . join '/', @$_
        for [], [qw(orders note 18)], [qw(orders not e17)], [qw(orders note)], [@row, ''];
    is $t->opened($name, "pv1:$1:2:$2", @row), 'not_opened', 'nor as another version'
        if $sealed =~ /^pv1:([^:]+):1:(.*)/;
    is $t->opened($name, $sealed =~ s/(.)$/$1 eq 'A' ? 'B' : 'A'/er, @row) =~
        /^(?:not_opened|malformed)$/, 1, 'nor changed';
}

is $t->opened('aes256.gcm', $t->sealed('chacha20.poly1305', 'x')), 'not_opened',
    'by another key';
is $t->opened('aes256.gcm', $_), 'malformed', "what is $_" for 'pv1:', 'pv1:x:1:y';
is $t->opened('aes256.gcm', $t->sealed('aes256.gcm', '')), '', 'an empty text';
is(($t->run('aes256.siv', 'encrypt', { data => '' }))[0]{error}, 'malformed', 'not with SIV');
is(($t->run('aes256.gcm', 'encrypt', { data => 'x', context => ['y' x 256] }))[0]{error},
    'malformed', 'a context too long');
is $t->post('/vault/keys/aes256.gcm/encrypt', { items => [ { data => 'not base64url!' } ] })
    ->json->{items}[0]{error}, 'malformed';
is $t->post('/vault/keys/aes256.gcm/encrypt', { items => [] })->{status}, 422, 'nothing';
is $t->post('/vault/keys/aes256.gcm/encrypt', { items => [ ({ data => 'eA' }) x 1001 ] })
    ->{status}, 422, 'too many';

my @many = $t->run('aes256.gcm', 'encrypt', map { { data => "text $_" } } 1 .. 1000);
is scalar(grep { $_->{valid} } @many), 1000, 'a thousand at once';
@many = $t->run('aes256.gcm', 'decrypt', map { { data => $_->{data} } } @many);
is_deeply [ map { Safe::unb64($_->{data}) } @many ], [ map { "text $_" } 1 .. 1000 ], 'in order';
is_deeply [ map { $_->{error} } $t->run('aes256.gcm', 'decrypt', { data => 'pv1:' },
    { data => $t->sealed('aes256.gcm', 'y') }) ], [ 'malformed', undef ], 'each by itself';

# Another tenant's key of the same name opens nothing of ours
my $ours = $t->sealed('aes256.gcm', 'ours');
{
    local $t->{token} = $p->token(scope => 'vault:admin', tid => $Pando::Token::OTHER,
        auth_time => time);
    $t->key('aes256.gcm');
    $t->grant('*');
    is $t->opened('aes256.gcm', $ours), 'not_opened', 'a tenant opens only its own';
}


# Uses are leased, and end: the key rotates half-way

is $p->sql("SELECT max(leased) FROM vault.key_versions WHERE leased > 0") % 65536, 0,
    'uses are leased in blocks';
my ($gcm) = map { $_->[0] } $p->sql("SELECT id FROM vault.keys WHERE name = 'aes256.gcm'
    AND tenant_id = ?", $Pando::Token::TENANT);
$p->sql('UPDATE vault.key_versions SET leased = 2147483648 WHERE key_id = ?', $gcm);
$p->kill_worker('KILL', $_) for $p->worker_pids;
ok $p->wait_for(sub { ($t->sealed('aes256.gcm', 'x') // '') =~ /^pv1:[^:]+:2:/ }, 30),
    'a key that was used often rotates by itself';
is $p->sql('SELECT latest FROM vault.keys WHERE id = ?', $gcm), 2, 'once';
$p->sql('UPDATE vault.key_versions SET leased = 4294967296 WHERE key_id = ?', $gcm);
$p->sql("UPDATE vault.keys SET state = 'active', latest = 2 WHERE id = ?", $gcm);
$p->kill_worker('KILL', $_) for $p->worker_pids;
ok $p->wait_for(sub { ($t->run('aes256.gcm', 'encrypt', { data => 'x' }))[0]{error} // ''
    eq 'version_spent' }, 30), 'one that is spent seals no more';
is $t->opened('aes256.gcm', $ours), 'ours', 'but opens';


# Signatures, as openssl finds them

for my $type (qw(ecdsa-p256 ed25519)) {
    my $name = $type =~ tr/-/./r;
    $t->key($name, $type);
    my ($pub) = @{ $t->get("/vault/keys/$name/public")->json->{data} };
    my ($der) = $t->run($name, 'sign', { data => 'text' });
    my $key = $p->write('key.der', Safe::unb64($pub->{spki}));
    my $sig = $p->write('sig', Safe::unb64($der->{data}));
    my $text = $p->write('text', 'text');
    my $raw = $type eq 'ed25519' ? '-rawin' : '-rawin -digest sha256';
    my $how = "-verify -pubin -keyform DER -inkey $key $raw -in $text -sigfile $sig";
    like qx(openssl pkeyutl $how 2>&1), qr/Verified Successfully/, "$type: openssl verifies";
    is +($t->run($name, 'verify', { data => 'text', signature => $der->{data} }))[0]{valid},
        JSON::PP::true, 'and so do we';
    is +($t->run($name, 'verify', { data => 'Text', signature => $der->{data} }))[0]{valid},
        JSON::PP::false, 'not another text';
    my ($jws) = $t->run($name, 'sign', { data => 'text' }, [ raw => JSON::PP::true ]);
    is length Safe::unb64($jws->{data}), 64, 'raw as in a JWS';
    is +($t->run($name, 'verify', { data => 'text', signature => $jws->{data} },
        [ raw => JSON::PP::true ]))[0]{valid}, JSON::PP::true;
    $t->post("/vault/keys/$name/rotate", undef);
    is +($t->run($name, 'verify', { data => 'text', signature => $der->{data} }))[0]{valid},
        JSON::PP::false, 'after a rotation not by the latest';
    is +($t->run($name, 'verify', { data => 'text', signature => $der->{data}, version => 1 }))
        [0]{valid}, JSON::PP::true, 'but by its own';
}

$t->key('mac', 'hmac-sha256');
my ($mac) = $t->run('mac', 'hmac', { data => 'text' });
is length Safe::unb64($mac->{data}), 32, 'a MAC';
is +($t->run('mac', 'hmac', { data => 'text' }))[0]{data}, $mac->{data}, 'is the same again';
is +($t->run('mac', 'verify', { data => 'text', signature => $mac->{data} }))[0]{valid},
    JSON::PP::true, 'and verified';
is +($t->run('mac', 'verify', { data => 'texts', signature => $mac->{data} }))[0]{valid},
    JSON::PP::false;

my $datakey = $t->works($t->post('/vault/keys/aes256.siv/datakey', { plain => JSON::PP::true }),
    'POST /vault/keys/{name}/datakey', 200);
is length Safe::unb64($datakey->{plain}), 32, 'a key for data';
is $t->opened('aes256.siv', $datakey->{data}), Safe::unb64($datakey->{plain}), 'kept sealed';
is $t->post('/vault/keys/aes256.siv/datakey', {})->json->{plain}, undef, 'or only that';
my %bytes = map { $t->works($t->post('/vault/random', { bytes => 100 }), 'POST /vault/random',
    200)->{data} => 1 } 1 .. 20;
is keys %bytes, 20, 'random bytes';
is $t->post('/vault/random', { bytes => 65537 })->{status}, 422;


# Modules: each with keys of its own name

sub keep
{
    my ($call, %in) = @_;
    return $p->post('/api/v1/keeper', { call => $call, %in },
        token => { scope => 'keeper:write' })->json;
}

my $kept = keep('seal', key => 'keeper.notes', data => 'dear diary', context => [qw(a 1)]);
is $kept->{code}, 0, 'a module seals, with a key that is made for it';
like $kept->{data}, qr/^pv1:/;
is keep('unseal', data => $kept->{data}, context => [qw(a 1)])->{data}, 'dear diary', 'it opens';
is keep('unseal', data => $kept->{data}, context => [qw(a 2)])->{code}, 2, 'for that row alone';
is keep('unseal', data => 'pv1:')->{code}, 3;
is keep('seal', key => $_, data => 'x')->{code}, 7, "with $_ it does not"
    for qw(orders.cards keepers keep);
is keep('unseal', data => $t->sealed('aes256.siv', 'x'))->{code}, 7, 'nor open others';
$t->post('/vault/keys/keeper.notes/rotate', undef);
my $anew = keep('rewrap', data => $kept->{data}, context => [qw(a 1)]);
like $anew->{data}, qr/^pv1:[^:]+:2:/, 'sealed anew after a rotation';
is keep('rewrap', data => $anew->{data}, context => [qw(a 1)])->{data}, $anew->{data},
    'once is enough';
is keep('unseal', data => $anew->{data}, context => [qw(a 1)])->{data}, 'dear diary';
my $m = keep('hmac', key => 'keeper.index', data => 'a@b.c');
is $m->{valid}, JSON::PP::true, 'a MAC';
is keep('verify', key => 'keeper.index', data => 'a@b.c', signature => $m->{data})->{valid},
    JSON::PP::true;
is keep('verify', key => 'keeper.index', data => 'a@b.d', signature => $m->{data})->{valid},
    JSON::PP::false;
is keep('sign', key => 'keeper.tokens', data => 'x')->{code}, 1, 'a key that signs is not made';
$t->key('keeper.tokens', 'ecdsa-p256');
my $s = keep('sign', key => 'keeper.tokens', data => 'x', raw => JSON::PP::true);
is $s->{version}, 1, 'but used';
is keep('verify', key => 'keeper.tokens', data => 'x', raw => JSON::PP::true,
    signature => $s->{data})->{valid}, JSON::PP::true;
is keep('seal', key => 'keeper.tokens', data => 'x')->{code}, 6, 'each for what it is';

my @first = $p->parallel(map { [ POST => '/api/v1/keeper', token => { scope => 'keeper:write' },
    body => { call => 'seal', key => 'keeper.first', data => "n $_" } ] } 1 .. 50);
is scalar(grep { $_->json->{code} == 0 } @first), 50, 'fifty first uses at once';
is $p->sql("SELECT count(*) FROM vault.keys WHERE name = 'keeper.first'"), 1, 'make one key';
is_deeply [ sort map { keep('unseal', data => $_->json->{data})->{data} } @first ],
    [ sort map { "n $_" } 1 .. 50 ], 'which opens them all';


# Who may not, and what cannot be

my $item = { items => [ { data => 'eA' } ] };
my $verify = { items => [ { data => 'eA', signature => 'eA' } ] };
my %wrong = (encrypt => 'mac', decrypt => 'mac', rewrap => 'mac', hmac => 'ed25519',
    sign => 'aes256.gcm', verify => 'aes256.gcm', datakey => 'mac');
$t->key($_, 'aes256-gcm') for qw(off gone);
$t->post('/vault/keys/off/disable', undef);
$p->sql("UPDATE vault.keys SET state = 'destroyed' WHERE name = 'gone'");
my $rest = $p->token(scope => 'vault:write', tid => '01900000-0000-7000-8000-00000000000c');

for my $use (sort keys %wrong) {
    my $route = "POST /vault/keys/{name}/$use";
    my $body = $use eq 'verify' ? $verify : $use eq 'datakey' ? {} : $item;

    $t->fails($t->post("/vault/keys/off/$use", $body), $route, 'key_disabled');
    $t->fails($t->post("/vault/keys/gone/$use", $body), $route, 'key_destroyed');
    $t->fails($t->post("/vault/keys/nothing/$use", $body), $route, 'not_found');
    $t->fails($t->post("/vault/keys/$wrong{$use}/$use", $body), $route, 'wrong_key_type');
    $t->fails($t->post("/vault/keys/mac/$use", $body, token => $rest), $route,
        'operation_not_granted');
}

my %right = (%wrong, encrypt => 'aes256.gcm', decrypt => 'aes256.gcm', rewrap => 'aes256.gcm',
    hmac => 'mac', sign => 'ed25519', verify => 'ed25519', datakey => 'aes256.gcm');
my $sealed = { items => [ { data => $ours } ] };
$t->at_another($p->write('other', 'c' x 64), sub {
    for my $use (sort keys %right) {
        $t->fails($t->post("/vault/keys/$right{$use}/$use", $use eq 'verify' ? $verify
            : $use eq 'datakey' ? {} : $use =~ /^(?:decrypt|rewrap)$/ ? $sealed : $item),
            "POST /vault/keys/{name}/$use", 'vault_sealed');
    }
});

$t->all_provoked('vault_data.c');
unlike $p->log, qr/dear diary|secret\b.*pv1/, 'nothing of it is in the log';
done_testing;
