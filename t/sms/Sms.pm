# What the tests of sms share: a server, messages, and what became of them.
#
#   my $t = Sms->new(workers => 2);
#   my $m = $t->sent(to => '+49 151 23456789', body => 'Hello');
#   $t->ends($m, 'delivered');

package Sms;

use strict;
use warnings;

use Pando;
use Pando::Elsewhere;
use Pando::Routes;
use Test::More;

our @ISA = 'Pando::Routes';
our $OTHER = { scope => 'sms:admin', tid => $Pando::Token::OTHER };
our $TO = '+4915123456789';


# to: servers that providers are made of; set: settings of the domain
sub new
{
    my ($class, %set) = @_;
    my $ports = join ' ', 443, 8443, map { $_->port } @{ delete $set{to} // [] };
    my $own = { marketing_from_hour => 0, marketing_to_hour => 24,
                %{ delete $set{set} // {} } };
    my $http = delete $set{http} // '';

    $http .= "pando_set sms.$_ \"$own->{$_}\";" for sort keys %$own;
    return $class->SUPER::new('sms',
        server => "pando_tenant $Pando::Token::TENANT;
                   location = /openapi.json { pando_openapi; }",
        http => "pando_outbound_allow 127.0.0.1; pando_outbound_ports $ports;
                 pando_outbound_limits failures=100000; $http", %set);
}


sub sent
{
    my ($t, %set) = @_;
    my @as = $set{token} ? (token => delete $set{token}) : ();
    my $r = $t->post('/sms/messages', { to => $TO, body => 'Hello', %set }, @as);

    die "not sent: $r->{raw}\n" unless $r->{status} == 202;
    return $r->json;
}


sub message { my ($t, $m) = @_; return $t->get("/sms/messages/$m->{id}")->json }

sub state
{
    my ($t, $m) = @_;
    return ($t->{p}->sql('select state from sms.messages where id = ?', $m->{id}))[0][0] // '';
}

sub ends
{
    my ($t, $m, $state, $name) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    ok $t->{p}->wait_for(sub { $t->state($m) eq $state }, 60), $name // "it is $state in the end"
        or diag 'it is ' . $t->state($m);
}

sub waits
{
    my ($t, $sub, $name, $seconds) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    return ok $t->{p}->wait_for($sub, $seconds // 60), $name;
}

# The kinds of a message's log.
sub log_of
{
    my ($t, $m) = @_;
    return join ' ', map { $_->[0] } $t->{p}->sql(
        'select kind from sms.log where message_id = ? order by id', $m->{id});
}

sub count
{
    my ($t, $sql, @bind) = @_;
    return ($t->{p}->sql("select count(*) from sms.$sql", @bind))[0][0];
}

1;
