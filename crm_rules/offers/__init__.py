"""May this customer be offered this product, and which first?"""
