# Tokens for the tests: keys of every kind that Pando accepts, published to it
# as a key set (keys.json), and tokens signed with them.  The kid of a key is
# its algorithm's name.  HS256 and the encodings are plain Perl; for the rest
# the openssl command signs.

package Pando::Token;

use strict;
use warnings;

use Digest::SHA qw(hmac_sha256);
use File::Temp;
use JSON::PP;
use MIME::Base64 qw(encode_base64url);

our $ISSUER   = 'https://pando.test';
our $AUDIENCE = 'pando';
our $TENANT   = '01900000-0000-7000-8000-00000000000a';
our $OTHER    = '01900000-0000-7000-8000-00000000000b';
our $USER     = '01900000-0000-7000-8000-000000000001';

my $JSON = JSON::PP->new->utf8->canonical->allow_nonref;

my %MAKE = (
    RS256 => [qw(-algorithm RSA -pkeyopt rsa_keygen_bits:2048)],
    PS256 => [qw(-algorithm RSA -pkeyopt rsa_keygen_bits:2048)],
    ES256 => [qw(-algorithm EC -pkeyopt ec_paramgen_curve:P-256)],
    EdDSA => [qw(-algorithm ed25519)],
);


sub new
{
    my ($class, $dir, @algorithms) = @_;
    my $t = bless { dir => $dir }, $class;

    my @set = map { $t->key($_) } @algorithms;

    open my $out, '>', "$dir/keys.json" or die "$dir/keys.json: $!\n";
    print $out $JSON->encode({ keys => \@set });
    close $out;

    return $t;
}


# Makes the key and returns its public half as a member of a key set (of a
# secret there is no half).
sub key
{
    my ($t, $alg) = @_;
    my %jwk = (kid => $alg, alg => $alg, use => 'sig');

    if ($alg eq 'HS256') {
        $t->{secret} = join '', map { chr int rand 256 } 1 .. 32;
        return { %jwk, kty => 'oct', k => encode_base64url($t->{secret}) };
    }

    my $pem = "$t->{dir}/$alg.pem";
    run('', 'genpkey', @{ $MAKE{$alg} }, '-out', $pem);

    my $der = run('', qw(pkey -pubout -outform DER -in), $pem);

    return { %jwk, kty => 'OKP', crv => 'Ed25519',
             x => encode_base64url(substr $der, -32) } if $alg eq 'EdDSA';

    return { %jwk, kty => 'EC', crv => 'P-256',
             x => encode_base64url(substr $der, -64, 32),
             y => encode_base64url(substr $der, -32) } if $alg eq 'ES256';

    my ($n) = run('', qw(rsa -noout -modulus -in), $pem) =~ /=([0-9A-F]+)/;

    return { %jwk, kty => 'RSA', n => encode_base64url(pack 'H*', $n),
             e => 'AQAB' };
}


# mint(scope => 'a:read', sub => ...): any name is a claim (undef: leave it
# out), but for _alg, _header (members of the header) and _signature.
sub mint
{
    my ($t, %set) = @_;
    my ($alg, $head, $signature) = delete @set{qw(_alg _header _signature)};
    my $now = time;

    $alg //= 'HS256';

    my %claims = (iss => $ISSUER, aud => $AUDIENCE, sub => $USER,
        tid => $TENANT, iat => $now, exp => $now + 3600, %set);
    my %header = (alg => $alg, kid => $alg, typ => 'at+jwt', %{ $head // {} });

    delete $claims{$_} for grep { !defined $claims{$_} } keys %claims;
    delete $header{$_} for grep { !defined $header{$_} } keys %header;

    my $text = join '.', map { encode_base64url($JSON->encode($_)) }
        \%header, \%claims;

    return "$text." . encode_base64url($signature // $t->sign($alg, $text));
}


sub sign
{
    my ($t, $alg, $text) = @_;
    my $pem = "$t->{dir}/$alg.pem";

    return hmac_sha256($text, $t->{secret}) if $alg eq 'HS256';
    return run($text, qw(dgst -sha256 -sign), $pem) if $alg eq 'RS256';
    return run($text, qw(dgst -sha256 -sigopt rsa_padding_mode:pss
                         -sigopt rsa_pss_saltlen:digest -sign), $pem)
        if $alg eq 'PS256';

    if ($alg eq 'EdDSA') {
        my $file = File::Temp->new;     # it cannot sign what it cannot size
        print $file $text;
        close $file;
        return run('', qw(pkeyutl -sign -rawin -in), "$file", '-inkey', $pem);
    }

    # ES256: a DER sequence of two integers becomes two numbers of 32 bytes
    my $der = run($text, qw(dgst -sha256 -sign), $pem);
    my (undef, undef, $r, $s) = unpack 'C C x C/a x C/a', $der;

    return join '', map { substr "\0" x 32 . $_, -32 } $r, $s;
}


sub run
{
    my ($input, @command) = @_;
    my ($in, $out) = (File::Temp->new, File::Temp->new);

    print $in $input;
    close $in;

    system('sh', '-c', 'exec openssl "$@" <"$IN" >"$OUT" 2>/dev/null'
           =~ s/\$IN/$in/r =~ s/\$OUT/$out/r, 'openssl', @command) == 0
        or die "openssl @command failed\n";

    open my $read, '<:raw', "$out" or die "$out: $!\n";
    local $/;
    return <$read> // '';
}

1;
