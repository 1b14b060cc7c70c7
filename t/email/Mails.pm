# What the tests of email share: a server with the domain, and messages that
# are sent and waited for.
#
#   my $t = Mails->new(workers => 2);
#   my $m = $t->mail(to => 'ada@example.com');      # its id and state
#   $t->gets($m, 'sent');

package Mails;

use strict;
use warnings;

use Pando;
use Pando::Elsewhere;
use Pando::Routes;
use Test::More;

our @ISA   = 'Pando::Routes';
our $OTHER = { scope => 'email:admin', tid => $Pando::Token::OTHER };


sub new
{
    my ($class, %set) = @_;
    my $ports = join ' ', 443, 8443, map { $_->port } @{ delete $set{to} // [] };
    my $http = delete $set{http} // '';

    return $class->SUPER::new('email', server => "pando_tenant $Pando::Token::TENANT;
        location = /openapi.json { pando_openapi; }",
        http => "pando_outbound_allow 127.0.0.1; pando_outbound_ports $ports;
                 pando_outbound_limits failures=100000; $http", %set);
}


sub mail
{
    my ($t, %in) = @_;
    my @as = $in{token} ? (token => delete $in{token}) : ();
    my %all = (to => 'ada@example.com', subject => 'hi', text => "hello\n", %in);
    my $r = $t->post('/email/messages', { map { $_ => $all{$_} } grep { defined $all{$_} }
                                          keys %all }, @as);

    die "no message: $r->{raw}\n" unless $r->{status} == 202;
    return $r->json;
}

sub row   { my ($t, $m) = @_; return $t->get("/email/messages/$m->{id}")->json }
sub state { my ($t, $m) = @_; return $t->row($m)->{state} }
sub kinds { my ($t, $m) = @_; return join ' ', map { $_->{kind} } @{ $t->row($m)->{events} } }
sub raw   { my ($t, $m) = @_; return $t->get("/email/outbox/$m->{id}/raw")->{body} }

sub gets
{
    my ($t, $m, $state, $name) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    die "no message\n" unless $m->{id};
    return ok($t->{p}->wait_for(sub { $t->state($m) eq $state }, 60), $name // "it gets $state")
        || diag explain $t->row($m);
}

sub waits
{
    my ($t, $sub, $name, $seconds) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    return ok $t->{p}->wait_for($sub, $seconds // 60), $name;
}

# As time would: what is deferred is due, and looked for.
sub due
{
    my ($t) = @_;
    $t->{p}->sql("update email.messages set next_at = clock_timestamp()
                   where state = 'deferred'");
    $t->{p}->sql("select email.wake(tenant_id, lane, clock_timestamp())
                    from email.messages where state = 'deferred'");
}

1;
