# A domain's own route table, held against what its routes do.  A domain's
# tests have a class of their own on top of this, which knows how to make what
# they test on:
#
#   package Trees;
#   our @ISA = 'Pando::Routes';
#
#   my $t = Trees->new(workers => 2);          # of t/categories: categories
#   my $r = $t->post('/categories', {...});    # below /api/v1, as an admin
#   $t->works($r, 'POST /categories', 201);
#   $t->fails($r, 'POST /categories', 'slug_taken', '/slug');
#   $t->all_provoked('categories_edit.c');
#
# Every good answer is held against its route's round trips, every refusal is
# noted, and all_provoked() asks that none declared in that file is missing.

package Pando::Routes;

use strict;
use warnings;

use File::Basename qw(basename dirname);
use Pando;
use Test::More;

our $NIL = '00000000-0000-0000-0000-000000000000';
our $NOBODY = '01900000-0000-7000-8000-0000000000ff';

# What the root says, for every domain.
my %ROOT = (
    pando_not_found => 'there is no such thing here',
    pando_precondition => 'the version is no longer the one in if-match',
    pando_unauthorized => 'a valid bearer token is needed',
    pando_forbidden => 'the token does not allow this',
);


# A server with the domain, whose settings are those of Pando->new; large => 1
# is for answers so large that none is checked against its shape.
sub new
{
    my ($class, $domain, %set) = @_;
    my $t = bless { routes => {}, problems => {}, seen => {} }, $class;
    my $large = delete $set{large};
    my $p = $t->{p} = Pando->new(domains => [$domain],
        server => "pando_tenant $Pando::Token::TENANT;", %set, start => 0);

    $p->configure(conf => $p->default_conf
                  =~ s/(pando_verify_replies\s+)on/$1off/r) if $large;
    $p->start;
    $t->{token} = $p->token(scope => "$domain:admin");
    $t->read_source($_, $domain) for glob "$Pando::ROOT/modules/$domain/*.c";
    $t->read_source($_, basename(dirname($_))) for glob "$Pando::ROOT/modules/*/*_api.h";
    return $t;
}


# The problems and routes of a file, as it declares them.
sub read_source
{
    my ($t, $path, $domain) = @_;
    my (%own, %macro);

    open my $in, '<', $path or die "$path: $!\n";
    my $c = do { local $/; <$in> };

    while ($c =~ /^(\w+)\ =\ \{\s+\.status\ =\ (\d+),\s+\.code\ =\ "(\w+)"
                  (.*?)\n?\}[,;]$/gmsx)
    {
        my ($name, $status, $code, $rest) = ($1, $2, $3, $4);
        my ($text) = $rest =~ /\.text\s*=\s*((?:"[^"]*"\s*)+)/;

        $own{$name} = join '', $text =~ /"([^"]*)"/g;
        $t->{problems}{$name} = $own{$name} if $name =~ /^\Q$domain\E_/;
    }

    $macro{$1} = $2 while $c =~ /^#define\s+(\w+)\s*\\\n((?:.*\\\n)*.*\n)/gm;

    while ($c =~ /\{\ PANDO_(GET|POST|PUT|PATCH|DELETE),\ "([^"]+)"(.*?)\},\n\n/gs)
    {
        my ($route, $row) = ("$1 $2", $3);

        $row =~ s/\.fails = (\w+)/.fails = $macro{$1}/;
        my ($fails) = $row =~ /\.fails = \{(.*?)\}/s;
        my ($trips) = $row =~ /\.trips = (\d+)/;

        $t->{routes}{$route} = { file => basename($path), trips => $trips,
            own => \%own, fails => [ ($fails // '') =~ /&(\w+)/g ] };
    }
}


# Requests below /api/v1, as an admin unless a token is given; public() is
# nobody's.
for my $verb (qw(get delete post put patch)) {
    no strict 'refs';
    *$verb = sub {
        my ($t, $path, @rest) = @_;
        my @body = $verb =~ /^(?:get|delete)$/ ? () : shift @rest;

        return $t->{p}->$verb("/api/v1$path", @body, token => $t->{token},
                              @rest);
    };
}

sub public { my ($t, $path, @o) = @_; $t->{p}->get("/api/v1$path", @o) }


# A good answer, in no more round trips than the route says.
sub works
{
    my ($t, $r, $route, $status, $name) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    my $declared = $t->{routes}{$route} or die "there is no $route\n";
    my ($trips) = ($r->header('Server-Timing') // '') =~ /desc="(\d+)"/;
    my $most = $declared->{trips} // 0;

    is $r->{status}, $status, $name // $route or diag $r->{body};
    cmp_ok $trips // 0, '<=', $most, "$route: at most $most round trips";
    return $r->json;
}


# A refusal with that code, at that pointer or, without one, at none.
sub fails
{
    my ($t, $r, $route, $code, $pointer, $name) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    my $j = $r->json // {};
    my $at = ($j->{errors} // [])->[0]{pointer};

    die "there is no $route\n" unless $t->{routes}{$route};
    is join(' ', $j->{code} // $r->{status}, $at // ()),
        join(' ', $code, $pointer // ()), $name // "$route: $code"
        or diag $r->{body} || $r->{raw};
    $t->{seen}{$route}{$j->{detail} // ''} = $j->{status};
    return $j;
}


# Whether each failure that the routes of these files declare was seen.
sub all_provoked
{
    my ($t, @files) = @_;

    for my $route (sort keys %{ $t->{routes} }) {
        my $row = $t->{routes}{$route};

        next unless grep { $_ eq $row->{file} } @files;

        my @missing = grep {
            my $text = $ROOT{$_} // $row->{own}{$_} // $t->{problems}{$_}
                // die "what is $_?\n";
            !$t->{seen}{$route}{$text};
        } @{ $row->{fails} };

        is "@missing", '', "$route: each failure it declares was provoked";
    }
}

1;
