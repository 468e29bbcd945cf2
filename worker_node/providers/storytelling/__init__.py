"""What storytellers over language models share: what is asked, how answers are read, and a storyboard made of them."""
