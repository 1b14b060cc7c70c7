# The rows of tenant A that the probes ask about, made by the examples of the
# document; and what can be asked of them: paths, bodies.

package Pando::Probes::Rows;

use strict;
use warnings;

use JSON::PP;

our $NOWHERE = '01900000-0000-7000-8000-00000000dead';

my $JSON = JSON::PP->new->utf8->canonical->allow_nonref;
my $UUID = qr/[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}/;


# Posts the documented examples, parents first, until no more comes of it.
sub populate
{
    my ($s) = @_;
    my @posts = sort { length $a->{path} <=> length $b->{path} }
        grep { $_->{method} eq 'POST' && $_->{takes} } $s->routes;

    for (1 .. 3) {
        my $before = keys %{ $s->{rows} };
        $s->make($_) for grep { !$s->{rows}{$_->{path}} } @posts;
        last if keys %{ $s->{rows} } == $before;
    }

    return $s;
}


# Some routes end what others are asked about: what has gone is made anew.
sub renew
{
    my ($s, $route) = @_;
    my @gone;

    for my $path (grep { index("$route->{path}/", "$_/") == 0 } keys %{ $s->{rows} }) {
        my ($get) = grep { $_->{method} eq 'GET' && $_->{path} =~ m{^\Q$path\E/\{\w*id\}$} }
            $s->routes;

        push @gone, $path
            if $get && $s->{p}->get($s->path($get), token => $s->owner)->{status} == 404;
    }

    return unless @gone;
    delete @{ $s->{rows} }{@gone};
    $s->populate;
}


sub make
{
    my ($s, $route) = @_;

    return if $route->{path} =~ /\{/ && !$s->owned($route);

    for my $body ($s->bodies($route)) {
        my $key = 'probe-' . ++$s->{made};
        my $r = $s->{p}->post($s->path($route), $body, token => $s->owner,
                              'Idempotency-Key' => $key);
        my $row = $r->json;

        if ($r->{status} != 201 || ref $row ne 'HASH' || !$row->{id}) {
            $route->{said} //= "$r->{status} " . substr $r->{body}, 0, 200;
            next;
        }

        delete $route->{said};
        $s->{rows}{$route->{path}} = $row;
        $s->{ids}{$row->{id}} = 1;
        $s->{keys}{$route->{path}} = [ $key, $s->path($route), $body ];
        return;
    }
}


# Each row's version, as A sees it now: the server may itself note things in a
# row, but only a change of somebody's is a new version.
sub snapshot
{
    my ($s) = @_;
    my %seen;

    for my $route (grep { $_->{method} eq 'GET' && $s->owned($_) && $_->{path} =~ /\}$/ }
                   $s->routes)
    {
        my $r = $s->{p}->get($s->path($route), token => $s->owner);
        my $row = $r->json;
        $seen{$route->{path}} = $r->{status} == 200 && ref $row eq 'HASH'
            ? $row->{version} // 'there' : $r->{status};
    }

    return \%seen;
}


# What a body can be: the example with ids of rows that are there, as it is
# documented, and only what must be there.
sub bodies
{
    my ($s, $route) = @_;
    my $api = $s->{api};
    my $find = sub { $s->row_named(@_) };
    my %seen;

    return grep { !$seen{ $JSON->encode($_) }++ } $api->body($route, $find),
        $api->least($route, $find), $api->body($route);
}


# The id of a `category`, or of a `root_category`: of a row of /categories.
sub row_named
{
    my ($s, $thing) = @_;

    for my $path (sort keys %{ $s->{rows} }) {
        my ($one) = $path =~ m{([^/]+)$};
        $one =~ tr/-/_/;
        $one =~ s/ies$/y/ or $one =~ s/(?<=s|x)es$// or $one =~ s/s$//;
        return $s->{rows}{$path}{id} if $thing =~ /(?:^|_)\Q$one\E$/;
    }

    return;
}


# A path of the route: its parameters from the rows of A, else nowhere's.
sub path
{
    my ($s, $route, %set) = @_;
    my @segments = split m{/}, $route->{path}, -1;

    for my $i (0 .. $#segments) {
        my ($name) = $segments[$i] =~ /^\{(\w+)\}$/ or next;
        my $above = join '/', (split m{/}, $route->{path}, -1)[0 .. $i - 1];

        $segments[$i] = $set{$name} // $s->value($above, $name)
            // ($name =~ /(?:^|_)id$/ ? $NOWHERE : 'nothing');
    }

    return join '/', @segments;
}


# What a row of this collection, or of one above it, says of that parameter.
sub value
{
    my ($s, $above, $name) = @_;

    for (my $path = $above; length $path; $path =~ s{/[^/]*$}{}) {
        my $row = $s->{rows}{$path} // next;
        return $row->{id} if $name =~ /(?:^|_)id$/ && $path eq $above;
        return $row->{$name} if defined $row->{$name} && !ref $row->{$name};
    }

    return;
}


# Whether its path has an id, and all of its ids are those of A's rows.
sub owned
{
    my ($s, $route) = @_;
    my @ids = $s->path($route) =~ /($UUID)/g;

    return @ids && !grep { !$s->{ids}{$_} } @ids;
}


# A path of the route that one may ask again and again.
sub harmless
{
    my ($s, $route) = @_;
    return $route->{method} ne 'DELETE' ? $s->path($route)
        : $s->path($route, map { $_ => $NOWHERE } $route->{path} =~ /\{(\w*id)\}/g);
}


sub body { return ($_[0]->bodies($_[1]))[0] }

sub with_body
{
    my ($s, $route) = @_;
    return $route->{takes} ? (opt => { body => $s->body($route) }) : ();
}

1;
