# What the tests of webhooks share: a receiver of each test's own, endpoints
# that point at it, and events told as a domain would.
#
#   my $t = Post->new(to => [$web]);
#   my $to = $t->endpoint($web, event_types => ['webhook_secret.*']);
#   my $event = $t->tell;
#   $t->{p}->wait_for(sub { $t->came($web) == 1 }, 30);

package Post;

use strict;
use warnings;

use Digest::SHA qw(hmac_sha256);
use MIME::Base64;
use Pando;
use Pando::Elsewhere;
use Pando::Routes;
use Test::More;

our @ISA = 'Pando::Routes';
our $OTHER = { scope => 'webhooks:admin', tid => $Pando::Token::OTHER };


sub new
{
    my ($class, %set) = @_;
    my $ports = join ' ', 443, 8443, map { $_->port } @{ delete $set{to} // [] };
    my $http = delete $set{http} // '';

    return $class->SUPER::new('webhooks',
        server => "pando_tenant $Pando::Token::TENANT;
                   location = /openapi.json { pando_openapi; }",
        http => "pando_set webhooks.plain_http on; pando_outbound_allow 127.0.0.1;
                 pando_outbound_ports $ports;
                 pando_outbound_limits failures=100000; $http", %set);
}


sub url { my ($t, $web, $at) = @_; return 'http://127.0.0.1:' . $web->port . ($at // '/') }

sub endpoint
{
    my ($t, $web, %set) = @_;
    my $at = delete $set{at};
    my @as = $set{token} ? (token => delete $set{token}) : ();
    my $r = $t->post('/webhook-endpoints', { url => $t->url($web, $at),
        event_types => ['webhook_secret.rotated'], %set }, @as);

    die "no endpoint: $r->{raw}\n" unless $r->{status} == 201;
    return $r->json;
}


# An event as it is written with a change, and noticed with its commit.
sub tell
{
    my ($t, %set) = @_;
    my $n = $t->{n}++;
    my ($id) = $t->{p}->sql('select pando.emit(?, ?, 1, ?, ?)',
        $set{tenant} // $Pando::Token::TENANT, $set{type} // 'webhook_secret.rotated',
        $set{subject}, qq({"endpoint_id":"$Pando::Routes::NOBODY","overlap_h":$n}));
    return ref $id ? $id->[0] : $id;
}

sub came { my ($t, $web) = @_; return scalar(() = $web->requests) }

sub waits
{
    my ($t, $sub, $name, $seconds) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    return ok $t->{p}->wait_for($sub, $seconds // 60), $name;
}

# Deliveries as "state attempts", by message.
sub fates
{
    my ($t, $endpoint) = @_;
    return map { "$_->[0] $_->[1]" } $t->{p}->sql('select state, attempts
        from webhooks.deliveries where endpoint_id = ? order by message_id', $endpoint->{id});
}

# Standard Webhooks, written down a second time.
sub signature
{
    my ($secret, $id, $at, $body) = @_;
    my $key = decode_base64($secret =~ s/^whsec_//r);
    return 'v1,' . encode_base64(hmac_sha256("$id.$at.$body", $key), '');
}

sub signed
{
    my ($rq, $secret) = @_;
    my $head = $rq->{headers};
    my $own = signature($secret, @$head{qw(webhook-id webhook-timestamp)}, $rq->{body});
    return scalar grep { $_ eq $own } split / /, $head->{'webhook-signature'};
}

# Its open signatures, verified by openssl with a public key as it is published.
sub signed_openly
{
    my ($t, $rq, $whpk) = @_;
    my $head = $rq->{headers};
    my $key = pack('H*', '302a300506032b6570032100') . decode_base64($whpk =~ s/^whpk_//r);
    my $pem = $t->{p}->write('whpk.pem', "-----BEGIN PUBLIC KEY-----\n" . encode_base64($key)
        . "-----END PUBLIC KEY-----\n");
    my $text = $t->{p}->write('whpk.text', join '.', @$head{qw(webhook-id webhook-timestamp)},
        $rq->{body});
    my $good = 0;

    for ($head->{'webhook-signature'} =~ /v1a,(\S+)/g) {
        my $file = $t->{p}->write('whpk.signature', decode_base64($_));
        $good++ if qx{openssl pkeyutl -verify -pubin -inkey $pem -rawin -in $text -sigfile $file}
            =~ /Verified Successfully/;
    }

    return $good;
}

1;
