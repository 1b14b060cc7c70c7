# What the tests of the vault share: keys with a grant for the admin that asks,
# and items in base64url.

package Safe;

use strict;
use warnings;

use MIME::Base64 qw(encode_base64url decode_base64url);
use Pando::Routes;
use Test::More;

our @ISA = 'Pando::Routes';
our @EXPORT_OK = qw(b64 unb64);
our $OTHER = { scope => 'vault:admin', tid => $Pando::Token::OTHER };


sub new
{
    my ($class, %set) = @_;
    my $t = $class->SUPER::new('vault', %set);

    $t->{token} = $t->{p}->token(scope => 'vault:admin', auth_time => time);
    return $t;
}


sub key
{
    my ($t, $name, $type, %set) = @_;
    my $r = $t->post('/vault/keys', { name => $name, type => $type // 'aes256-gcm', %set });

    die "no key: $r->{raw}\n" unless $r->{status} == 201;
    return $r->json;
}


sub grant
{
    my ($t, $keys, @operations) = @_;
    my $r = $t->post('/vault/grants', { principal => '*', keys => $keys,
        operations => @operations ? \@operations
            : [qw(encrypt decrypt hmac sign verify datakey)] });

    die "no grant: $r->{raw}\n" unless $r->{status} == 201;
    return $r->json;
}


# The results of one operation over items: data is encoded unless it is sealed.
sub run
{
    my ($t, $name, $what, @items) = @_;
    my %more = ref $items[-1] eq 'ARRAY' ? @{ pop @items } : ();
    my $r = $t->post("/vault/keys/$name/$what", { %more, items => [ map { {
        %$_, data => $_->{data} =~ /^pv1:/ ? $_->{data} : b64($_->{data}) } } @items ] });

    die "$what: $r->{raw}\n" unless $r->{status} == 200;
    return @{ $r->json->{items} };
}


sub sealed
{
    my ($t, $name, $data, @context) = @_;
    my ($r) = $t->run($name, 'encrypt', { data => $data, context => \@context });
    return $r->{data};
}


sub opened
{
    my ($t, $name, $sealed, @context) = @_;
    my ($r) = $t->run($name, 'decrypt', { data => $sealed, context => \@context });
    return defined $r->{data} ? unb64($r->{data}) : $r->{error};
}

# The same asked of a node whose vault.kek is that file.
sub at_another
{
    my ($t, $kek, $sub, $more) = @_;
    my $q = Pando->new(domains => ['vault'], database => $t->{p}{database},
        http => "pando_set vault.kek $kek; " . ($more // ''));

    local @$t{qw(p token)} = ($q, $q->token(scope => 'vault:admin', auth_time => time));
    $sub->($q);
}

sub b64   { return encode_base64url($_[0]) }
sub unb64 { return decode_base64url($_[0]) }

1;
